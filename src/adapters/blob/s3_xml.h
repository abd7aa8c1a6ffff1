#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace muster::adapters {

/// An element of a document; attributes are read and dropped.
struct XmlElement {
    std::string name;
    std::string text;  ///< What stands between its children, entities resolved.
    std::vector<XmlElement> children;

    /// The first child of that name; nullptr when there is none.
    [[nodiscard]] const XmlElement* child(std::string_view wanted) const;
    /// The text of that child; empty when there is none.
    [[nodiscard]] std::string text_of(std::string_view wanted) const;
};

/// Reads what S3 answers (XML 1.0 without document types, comments, CDATA and processing
/// instructions) and nothing that is not whole. At most 10 levels and 1,000,000 elements.
/// kUnavailable for all else: a part is missing, or no S3 answers.
Result<XmlElement> parse_xml(std::string_view text);

/// One page of ListObjectsV2.
struct S3ListPage {
    struct Object {
        std::string key;
        std::uint64_t size = 0;
        bool operator==(const Object&) const = default;
    };
    std::vector<Object> objects;
    std::string next;  ///< The token of the next page; empty on the last one.
};
/// kUnavailable when the page is not whole, or does not say what it must.
Result<S3ListPage> read_list_page(std::string_view text);

/// The answer to CreateMultipartUpload; kUnavailable.
Result<std::string> read_upload_id(std::string_view text);

/// An <Error>; empty fields when the text is none.
struct S3Problem {
    std::string code;
    std::string message;
    std::string region;
};
S3Problem read_problem(std::string_view text);

}  // namespace muster::adapters
