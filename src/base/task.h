#pragma once

#include <boost/asio/awaitable.hpp>

#include "base/result.h"

namespace muster {

/// A coroutine that yields a Result. Parameters are values; whatever it refers to as a member
/// outlives it. Await it, or hand it to a `TaskGroup`: nothing is detached.
template <class T = void>
using Task = boost::asio::awaitable<Result<T>>;

/// Where coroutines run: the daemon's event loop, or the simulator's.
using Executor = boost::asio::any_io_executor;

}  // namespace muster
