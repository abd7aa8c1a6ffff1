#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/blob/sftp_session.h"
#include "adapters/blob/store_options.h"

namespace muster::adapters {

/// How the server is reached, and where on it the files lie.
struct SftpSettings {
    std::vector<std::string> argv;  ///< What is started: it speaks SFTP on its input and output.
    std::string root;               ///< A relative one begins at the user's home.
    std::string location;           ///< For people.
    unsigned connections = 5;
    Duration patience = std::chrono::seconds(60);  ///< For each wait.
    Fields environment;

    /// Reads what follows "sftp:" in a location: user@host:path, or //user@host[:port]/path, where
    /// an absolute path begins with another slash. kInvalid.
    static Result<SftpSettings> read(const std::string& address, const StoreOptions& options);
};

/// Files in a folder of another machine, through the system's ssh and its SFTP server: with the
/// user's own keys, known hosts and ssh_config.
class SftpStore final : public backup::BlobStore {
  public:
    static constexpr std::string_view kKind = "sftp";  ///< Its name in locations.

    static Result<std::unique_ptr<backup::BlobStore>> make(const std::string& address,
                                                           const StoreDeps& deps);
    SftpStore(SftpSettings settings, backup::Host& host);

    Result<> create() override;
    Result<std::vector<backup::Listed>> list(backup::FileKind kind) override;
    Result<std::uint64_t> size(const backup::StoredName& name) override;
    Result<> read(const backup::StoredName& name, std::uint64_t offset,
                  backup::ByteSpan into) override;
    Result<backup::Buffer> load(const backup::StoredName& name) override;
    /// Under another name first, which is replaced when all is on the disk.
    Result<> write(const backup::StoredName& name, backup::ByteView content) override;
    Result<> remove(const backup::StoredName& name) override;
    [[nodiscard]] backup::StoreTraits traits() const override;

  private:
    template <class T>
    Result<T> with_session(const std::string& what,
                           const std::function<Result<T>(SftpSession&)>& body);
    Result<std::unique_ptr<SftpSession>> take();
    void give_back(std::unique_ptr<SftpSession> session);
    [[nodiscard]] std::string path(const backup::StoredName& name) const;
    [[nodiscard]] std::string path(std::string_view place) const;
    Result<> ensure_folder(SftpSession& session, const std::string& folder);
    Result<> write_beside(SftpSession& session, const std::string& beside,
                          const backup::StoredName& name, backup::ByteView content);
    Result<> move_into_place(SftpSession& session, const std::string& beside,
                             const backup::StoredName& name);

    SftpSettings settings_;
    backup::Host& host_;
    std::mutex mutex_;
    std::condition_variable given_back_;
    std::vector<std::unique_ptr<SftpSession>> idle_;
    unsigned in_use_ = 0;
};

}  // namespace muster::adapters
