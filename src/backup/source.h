#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backup/bytes.h"
#include "backup/format/tree.h"
#include "base/result.h"

namespace muster::backup {

/// An open file of the source.
class SourceFile {
  public:
    virtual ~SourceFile() = default;
    /// Lets the system fetch the content, which is read soon, beside whatever goes on.
    virtual void prepare() {}
    /// The next bytes: fills `into` but at the end of the file; 0 at the end.
    virtual Result<std::size_t> read(ByteSpan into) = 0;
    /// How many bytes from here on are a hole of a sparse file: zero without being stored. 0 where
    /// that is not known.
    virtual std::uint64_t hole() { return 0; }
    /// Goes on behind so many bytes of the hole.
    virtual void skip(std::uint64_t /*bytes*/) {}
    /// What the system says of the file that was really opened, its extended attributes too.
    virtual Result<Node> status() = 0;
};

/// An open directory of the source. One thread at a time lists it; many may open its entries.
class SourceFolder {
  public:
    virtual ~SourceFolder() = default;
    /// Its entries, sorted by the bytes of their names, without sockets, without extended
    /// attributes. One that could not be looked at has an `error`, and nothing else but its name.
    virtual Result<std::vector<Node>> list() = 0;
    /// kNotFound when it is gone, or is no directory any more.
    virtual Result<std::unique_ptr<SourceFolder>> open_folder(const std::string& name) = 0;
    /// kNotFound when it is gone, or is no regular file (or device, if it was one) any more.
    virtual Result<std::unique_ptr<SourceFile>> open_file(const std::string& name) = 0;
    /// An entry's extended attributes, without following a symbolic link.
    virtual Result<std::vector<ExtendedAttribute>> attributes(const std::string& name) = 0;
};

/// The port to what is backed up.
class Source {
  public:
    virtual ~Source() = default;
    /// What lies at a path; a symbolic link is not followed.
    virtual Result<Node> status(const std::string& path) = 0;
    virtual Result<std::unique_ptr<SourceFolder>> open_folder(const std::string& path) = 0;
    /// The path made absolute, without ".", ".." and doubled slashes; links stay.
    virtual std::string absolute(const std::string& path) = 0;
};

}  // namespace muster::backup
