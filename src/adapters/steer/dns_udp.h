#pragma once

#include <atomic>
#include <boost/asio/ip/udp.hpp>
#include <memory>
#include <thread>

#include "adapters/steer/dns_answers.h"

namespace muster::adapters {

/// Answers DNS over UDP on a thread of its own: neither a flood of queries nor a long decision has
/// the other wait. The thread knows one socket and the answers it was handed last.
class DnsUdp {
  public:
    using Endpoint = boost::asio::ip::udp::endpoint;

    DnsUdp() = default;
    DnsUdp(const DnsUdp&) = delete;
    DnsUdp& operator=(const DnsUdp&) = delete;
    /// Stops.
    ~DnsUdp();

    /// Takes the address; queries wait in the socket until `start`. A later call takes another
    /// one instead.
    boost::system::error_code open(const Endpoint& at);
    /// Port 0 became one of the system's choice.
    [[nodiscard]] std::uint16_t port() const { return port_; }

    /// What is answered from now on. Every query that arrives after this has returned is answered
    /// by it.
    void use(std::shared_ptr<const DnsAnswers> answers);
    void start();
    /// Ends and joins the thread, and closes the socket.
    void stop();

  private:
    struct Batch;
    using Shared = std::shared_ptr<const DnsAnswers>;

    void loop();
    void close();

    int socket_ = -1;
    std::uint16_t port_ = 0;
    bool is_any_address_ = false;
    std::atomic<bool> is_stopping_ = false;
    std::atomic<Shared*> fresh_ = nullptr;  ///< Handed over: whoever takes it out owns it.
    std::thread thread_;                    ///< Last: it uses all of the above.
};

}  // namespace muster::adapters
