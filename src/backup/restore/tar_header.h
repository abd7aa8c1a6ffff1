#pragma once

#include <string>

#include "backup/format/tree.h"

namespace muster::backup {

/// Files in tar archives are filled up to a multiple of it.
constexpr std::size_t kTarBlock = 512;

/// The header of an entry in a tar archive (POSIX.1-2017, pax: "Extended Interchange Format"):
/// what the old fields can't hold (long names, other bytes than ASCII, big numbers, fractions of
/// seconds, extended attributes as SCHILY.xattr) stands in an extended header before it. A hard
/// link is named by `link_to`, which is empty otherwise. Empty for what no archive holds (sockets).
std::string tar_header(const Node& node, const std::string& path, const std::string& link_to);

/// The end of an archive.
std::string tar_end();

}  // namespace muster::backup
