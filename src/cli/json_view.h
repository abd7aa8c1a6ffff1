#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace muster::cli {

/// Reads an answer of the API; what is missing or of another type is empty, so that a newer node
/// never breaks an older command line.
class JsonView {
  public:
    explicit JsonView(const boost::json::value* value) : value_(value) {}
    JsonView operator[](std::string_view key) const;
    [[nodiscard]] std::string text(std::string_view key) const;
    /// Of this value itself.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::optional<double> number(std::string_view key) const;
    /// Rounded, and clamped to what is exact in a double: a number of another node may be anything.
    [[nodiscard]] std::optional<std::int64_t> whole(std::string_view key) const;
    [[nodiscard]] bool flag(std::string_view key) const;
    [[nodiscard]] std::vector<JsonView> items(std::string_view key) const;
    /// The names and texts of an object.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> texts(
        std::string_view key) const;
    [[nodiscard]] bool is_empty() const { return value_ == nullptr; }

  private:
    const boost::json::value* value_;  ///< nullptr: there is nothing.
};

/// Owns a parsed document; text that is no JSON gives an empty view.
class JsonText {
  public:
    explicit JsonText(const std::string& text);
    ~JsonText();
    [[nodiscard]] JsonView root() const;

  private:
    std::unique_ptr<boost::json::value> value_;
};

/// A JSON object of texts and flags, for the bodies that commands send.
std::string json_object(const std::vector<std::pair<std::string, std::string>>& texts,
                        const std::vector<std::pair<std::string, bool>>& flags);

}  // namespace muster::cli
