#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/bytes.h"
#include "base/result.h"
#include "base/units.h"

namespace muster::backup {

/// The value of an environment variable, if it is set.
using Variables = std::function<std::optional<std::string>(std::string_view name)>;

/// The patterns of an exclude or include file, as restic reads it: one for each line, without the
/// blanks around it; lines that are empty or begin with "#" are skipped; $NAME and ${NAME} are
/// replaced, $$ stands for "$". kInvalid with the number of the line where a variable is not set
/// (restic takes an empty text instead, and "$DATA/*" becomes "/*") or is cut off; and when the
/// file is UTF-16.
Result<std::vector<std::string>> parse_pattern_file(std::string_view content,
                                                    const Variables& variables);

/// A directory that holds this file is left out, but for the file: --exclude-if-present.
struct TagFile {
    std::string name;
    std::string header;  ///< What the file must begin with; empty: anything.
    auto operator<=>(const TagFile&) const = default;

    /// Reads "NAME" or "NAME:HEADER". kInvalid without a name, or with a "/" in it.
    static Result<TagFile> parse(std::string_view text);
    /// The CACHEDIR.TAG of --exclude-caches (bford.info/cachedir).
    static TagFile of_caches();
    /// How many bytes of the file's start `is_marked_by` wants to see.
    [[nodiscard]] std::size_t wanted() const { return header.size(); }
    /// Whether a file of this name that starts so is a tag. The start may be longer.
    [[nodiscard]] bool is_marked_by(ByteView start) const;
};

/// The size of --exclude-larger-than: "100", "5k", "10M", "2G", "1T" (powers of 1024, as restic),
/// or what `parse_size` reads. kInvalid otherwise.
Result<ByteCount> parse_size_limit(std::string_view text);

}  // namespace muster::backup
