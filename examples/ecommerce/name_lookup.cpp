#include "name_lookup.h"

#include <ldns/ldns.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

#include "base/task_group.h"

namespace shop {

namespace asio = boost::asio;
using asio::ip::udp;
using muster::Duration;
using muster::Errc;
using muster::Error;
using muster::Result;
using muster::Task;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr Duration kPatience = std::chrono::seconds(1);

Result<std::vector<std::uint8_t>> make_query(const std::string& name, std::uint16_t query_id) {
    ldns_pkt* packet = nullptr;
    if (ldns_pkt_query_new_frm_str(&packet, name.c_str(), LDNS_RR_TYPE_A, LDNS_RR_CLASS_IN,
                                   LDNS_RD) != LDNS_STATUS_OK) {
        return Error{Errc::kInvalid, "\"" + name + "\" is no domain name"};
    }
    ldns_pkt_set_id(packet, query_id);
    std::uint8_t* wire = nullptr;
    std::size_t size = 0;
    const auto status = ldns_pkt2wire(&wire, packet, &size);
    ldns_pkt_free(packet);
    if (status != LDNS_STATUS_OK) {
        return Error{Errc::kInvalid, "the query for " + name + " can't be written"};
    }
    std::vector<std::uint8_t> bytes(wire, wire + size);
    free(wire);
    return bytes;
}

Result<Answer> read_answer(const std::uint8_t* wire, std::size_t size, std::uint16_t query_id) {
    ldns_pkt* packet = nullptr;
    if (ldns_wire2pkt(&packet, wire, size) != LDNS_STATUS_OK) {
        return Error{Errc::kUnavailable, "the answer can't be read"};
    }
    const std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)> holder(packet, &ldns_pkt_free);
    Answer answer;
    const auto* list = ldns_pkt_answer(packet);
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
        const auto* record = ldns_rr_list_rr(list, i);
        if (ldns_rr_get_type(record) == LDNS_RR_TYPE_A) {
            char* text = ldns_rdf2str(ldns_rr_rdf(record, 0));
            answer.addresses.emplace_back(text);
            answer.ttl = std::chrono::seconds(ldns_rr_ttl(record));
            free(text);
        }
    }
    if (ldns_pkt_id(packet) != query_id || answer.addresses.empty()) {
        return Error{Errc::kUnavailable, "the name server gave no address"};
    }
    return answer;
}

Task<> close_at(udp::socket* socket, muster::Clock* clock, muster::Instant deadline) {
    CO_TRY_OK(co_await clock->sleep_until(deadline));
    socket->cancel();
    co_return Result<>{};
}

}  // namespace

Task<Answer> look_up(std::string server, std::string name, std::uint16_t query_id,
                     muster::Clock* clock) {
    const auto colon = server.rfind(':');
    boost::system::error_code failed;
    const udp::endpoint peer(asio::ip::make_address(server.substr(0, colon), failed),
                             static_cast<std::uint16_t>(std::stoi(server.substr(colon + 1))));
    CO_TRY(const auto query, make_query(name, query_id));
    const auto executor = co_await asio::this_coro::executor;
    udp::socket socket(executor, udp::v4());
    const auto [unsent, sent] = co_await socket.async_send_to(asio::buffer(query), peer, kTuple);
    if (unsent) {
        co_return Error{Errc::kUnavailable, "the query was not sent: " + unsent.message()};
    }
    muster::TaskGroup alarm(executor);
    alarm.spawn(close_at(&socket, clock, clock->now() + kPatience));
    std::array<std::uint8_t, 4096> buffer{};
    const auto [unread, size] = co_await socket.async_receive(asio::buffer(buffer), kTuple);
    CO_TRY_OK(co_await alarm.stop());
    if (unread) {
        co_return Error{Errc::kTimedOut, "the name server did not answer"};
    }
    co_return read_answer(buffer.data(), size, query_id);
}

}  // namespace shop
