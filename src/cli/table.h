#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace muster::cli {

enum class Colour { kPlain, kGood, kWarn, kBad, kBusy, kSoft };

/// `text` in a terminal's colour, or as it is.
std::string paint(std::string_view text, Colour colour, bool has_colours);

/// A text with its colour; its width is that of the text.
struct Cell {
    std::string text;
    Colour colour = Colour::kPlain;
};

/// Columns of equal width, two spaces apart, without spaces at the end of a line.
class Table {
  public:
    explicit Table(std::vector<std::string> headings);
    void add(std::vector<Cell> row);
    [[nodiscard]] std::string render(bool has_colours) const;

  private:
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace muster::cli
