#include "adapters/repo_server/upload.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/check.h"

namespace muster::adapters::repo_server {

namespace {

bool exists(const std::string& path) {
    struct stat entry{};
    return ::lstat(path.c_str(), &entry) == 0;
}

// Some network file systems know no renaming that does not replace; there, the look before it has
// to do.
int rename_new(const std::string& from, const std::string& to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }
    if (exists(to)) {
        return EEXIST;
    }
    return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

}  // namespace

class Upload::Hash {
  public:
    Hash() { CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1); }
    void update(std::span<const char> bytes) {
        CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
    }
    std::string hex() {
        std::array<unsigned char, 32> digest{};
        CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
        std::string text;
        for (const unsigned char byte : digest) {
            constexpr std::string_view kDigits = "0123456789abcdef";
            text += kDigits[byte >> 4U];
            text += kDigits[byte & 0xfU];
        }
        return text;
    }

  private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_{EVP_MD_CTX_new()};
};

Upload::Upload(const RepoFolder& repository, ObjectType type, std::string name)
    : type_(type),
      name_(std::move(name)),
      holder_(repository.holder(type, name_)),
      path_(repository.file(type, name_)),
      hash_(std::make_unique<Hash>()) {
}

Upload::~Upload() {
    if (!temporary_.empty()) {
        ::unlink(temporary_.c_str());
    }
}

Result<std::unique_ptr<Upload>> Upload::begin(const RepoFolder& repository, ObjectType type,
                                              const std::string& name) {
    std::unique_ptr<Upload> upload(new Upload(repository, type, name));
    if (exists(upload->path_)) {
        return Error{Errc::kConflict, upload->path_ + " exists"};
    }
    // Only a repository that was made takes objects: a folder's name with a slip of the pen must
    // not become one.
    if (!exists(repository.path() + "/" + std::string(folder_name(ObjectType::kData)))) {
        return Error{Errc::kNotFound, "there is no repository in " + repository.path()};
    }
    TRY_OK(make_folders(upload->holder_));
    TRY_OK(upload->open(repository.uploads_path()));
    return upload;
}

Result<> Upload::open(const std::string& folder) {
    TRY_OK(make_folders(folder));
    std::string pattern = folder + "/upload-XXXXXX";
    file_.reset(::mkostemp(pattern.data(), O_CLOEXEC));  // Of mode 0600.
    if (!file_.is_open()) {
        return file_error("can't make a file in", folder, errno);
    }
    temporary_ = std::move(pattern);
    return {};
}

Result<> Upload::append(std::span<const char> bytes) {
    hash_->update(bytes);
    while (!bytes.empty()) {
        const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR) {
            return file_error("can't write", temporary_, errno);
        }
        bytes = bytes.subspan(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
    return {};
}

Result<bool> Upload::commit() {
    if (type_ != ObjectType::kConfig && hash_->hex() != name_) {
        return Error{Errc::kInvalid, "the content's SHA-256 is not its name, " + name_};
    }
    if (::fsync(file_.get()) != 0) {
        return file_error("can't sync", temporary_, errno);
    }
    const int failure = rename_new(temporary_, path_);
    const bool is_same = failure == EEXIST && type_ != ObjectType::kConfig;
    if (failure == EEXIST && !is_same) {
        return Error{Errc::kConflict, path_ + " exists"};
    }
    if (failure != 0 && !is_same) {
        return file_error("can't rename to", path_, failure);
    }
    if (failure == 0) {
        temporary_.clear();
    }
    TRY_OK(sync_folder(holder_));
    return !is_same;
}

}  // namespace muster::adapters::repo_server
