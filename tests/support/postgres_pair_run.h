#pragma once

#include <boost/asio/co_spawn.hpp>
#include <optional>

#include "support/postgres_pair.h"

namespace muster::testing {

template <class T>
Result<T> PostgresPair::run(Task<T> task) {
    std::optional<Result<T>> outcome;
    boost::asio::co_spawn(io_, std::move(task), [&outcome](std::exception_ptr thrown, auto result) {
        if (thrown) {
            outcome.emplace(Error{Errc::kCorrupt, "an exception left the task"});
        } else {
            outcome.emplace(std::move(result));
        }
    });
    io_.restart();
    io_.run();
    return std::move(*outcome);
}

}  // namespace muster::testing
