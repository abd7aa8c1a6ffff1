#pragma once

#include <boost/asio/io_context.hpp>

#include "sim/virtual_clock.h"

namespace muster::test {

/// What the store suite needs of a store that lives in memory, besides the store.
class VirtualWorld {
  public:
    Clock& clock() { return clock_; }
    boost::asio::io_context& loop() { return loop_; }
    bool step() {
        loop_.restart();
        return loop_.poll() > 0 || clock_.step();
    }
    void advance(Duration duration) { clock_.advance(duration); }
    bool reopen() { return false; }

  protected:
    boost::asio::io_context loop_;
    sim::VirtualClock clock_{loop_};
};

}  // namespace muster::test
