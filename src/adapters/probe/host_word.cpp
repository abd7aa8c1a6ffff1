#include "adapters/probe/host_word.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <sys/statvfs.h>

#include <charconv>
#include <cstring>
#include <memory>
#include <string_view>

namespace muster::adapters {

namespace {

struct FreeOptions {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

std::string option(const std::string& conninfo, std::string_view keyword) {
    const std::unique_ptr<PQconninfoOption, FreeOptions> options(
        PQconninfoParse(conninfo.c_str(), nullptr));
    for (const auto* one = options.get(); one != nullptr && one->keyword != nullptr; ++one) {
        if (one->keyword == keyword && one->val != nullptr) {
            return one->val;
        }
    }
    return {};
}

bool has_interface(int family, const void* address, std::size_t length) {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) {
        return false;
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
    for (const auto* one = list; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != family) {
            continue;
        }
        const void* own = family == AF_INET
                              ? static_cast<const void*>(
                                    &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr)
                              : &reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr;
        if (std::memcmp(own, address, length) == 0) {
            return true;
        }
    }
    return false;
}

bool is_local_address(const std::string& host) {
    if (host.empty() || host.front() == '/' || host.front() == '@' || host == "localhost") {
        return true;
    }
    in_addr four{};
    if (::inet_pton(AF_INET, host.c_str(), &four) == 1) {
        constexpr std::uint32_t kLoopbackNet = 127;
        return ntohl(four.s_addr) >> 24U == kLoopbackNet ||
               has_interface(AF_INET, &four, sizeof(four));
    }
    in6_addr six{};
    if (::inet_pton(AF_INET6, host.c_str(), &six) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&six) || has_interface(AF_INET6, &six, sizeof(six));
    }
    return false;
}

}  // namespace

bool is_local_server(const std::string& conninfo) {
    const auto address = option(conninfo, "hostaddr");
    std::string_view hosts = address;
    const auto names = option(conninfo, "host");
    if (address.empty()) {
        hosts = names;
    }
    while (true) {
        const auto comma = hosts.find(',');
        if (!is_local_address(std::string(hosts.substr(0, comma)))) {
            return false;
        }
        if (comma == std::string_view::npos) {
            return true;
        }
        hosts.remove_prefix(comma + 1);
    }
}

int port_of(const std::string& conninfo) {
    const auto text = option(conninfo, "port");
    int port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() ? port : 0;
}

PostmasterState::Process ask_host(const std::string& conninfo, const std::string& data_directory) {
    if (data_directory.empty() || !is_local_server(conninfo)) {
        return PostmasterState::Process::kUnknown;
    }
    const auto state = read_postmaster(data_directory);
    const int port = port_of(conninfo);
    const bool is_other = state.port != 0 && port != 0 && state.port != port;
    return is_other ? PostmasterState::Process::kUnknown : state.process;
}

std::string full_disk(const std::string& conninfo, const std::string& data_directory) {
    constexpr std::uint64_t kSegment = 16U << 20U;
    struct statvfs disk{};
    const auto wal = data_directory + "/pg_wal";
    if (data_directory.empty() || !is_local_server(conninfo) ||
        ::statvfs(wal.c_str(), &disk) != 0) {
        return {};
    }
    const auto free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    return free >= kSegment ? std::string()
                            : "the disk of " + wal + " is full (" + std::to_string(free >> 20U) +
                                  " MiB left): make room there, then start the server";
}

}  // namespace muster::adapters
