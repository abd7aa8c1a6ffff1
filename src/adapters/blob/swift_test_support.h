#pragma once

// A real S3 server that lacks much: OpenStack Swift, on a port of the loopback interface. It checks
// signatures, and knows neither conditional writes nor object locks.

#include <string>

#include "adapters/blob/blob_test_support.h"

namespace muster::test {

class SwiftServer {
  public:
    static constexpr const char* kAccessKey = "account:person";
    static constexpr const char* kSecretKey = "secret/+key";

    SwiftServer() {
        if (!wait_for_listener(port_, program_)) {
            ADD_FAILURE() << "Swift did not start: " << text_of_file(folder_.file("log"));
        }
    }
    [[nodiscard]] std::string port() const { return std::to_string(port_); }
    /// One for the whole program.
    static const SwiftServer& common() {
        static const SwiftServer server;
        return server;
    }

  private:
    Folder folder_;
    int port_ = free_local_port();
    // Debian's own Python has the packages of Debian.
    Program program_{{"/usr/bin/python3", MUSTER_SOURCE_DIR "/tests/support/swift_server.py",
                      folder_.path(), std::to_string(port_), kAccessKey, kSecretKey},
                     folder_.file("log")};
};

}  // namespace muster::test
