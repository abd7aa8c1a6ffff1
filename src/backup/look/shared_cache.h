#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/result.h"

namespace muster::backup {

/// Values that many threads use, up to a cost in all: what was not used for the longest time goes
/// first. What several threads ask for at once is loaded once. A value is shared, so that it stays
/// with who uses it when it goes.
template <class Key, class Value>
class SharedCache {
  public:
    struct Loaded {
        std::shared_ptr<const Value> value;
        std::size_t cost = 0;
    };
    using Load = std::function<Result<Loaded>()>;

    explicit SharedCache(std::size_t most_cost) : most_cost_(most_cost) {}

    /// The value, by `load` if it is not there. Errors are not kept.
    Result<std::shared_ptr<const Value>> get(const Key& key, const Load& load) {
        std::unique_lock lock(mutex_);
        loaded_.wait(lock, [&] { return !loading_.contains(key); });
        if (const auto found = entries_.find(key); found != entries_.end()) {
            order_.splice(order_.begin(), order_, found->second.place);
            return found->second.value;
        }
        loading_.emplace(key, true);
        lock.unlock();
        auto made = load();
        lock.lock();
        loading_.erase(key);
        loaded_.notify_all();
        if (!made) {
            return made.error();
        }
        keep(key, *made);
        return made->value;
    }
    [[nodiscard]] std::size_t cost() const {
        const std::scoped_lock lock(mutex_);
        return cost_;
    }

  private:
    struct Entry {
        std::shared_ptr<const Value> value;
        std::size_t cost;
        typename std::list<Key>::iterator place;
    };

    void keep(const Key& key, const Loaded& loaded) {
        if (loaded.cost > most_cost_) {
            return;
        }
        order_.push_front(key);
        entries_.emplace(key, Entry{loaded.value, loaded.cost, order_.begin()});
        cost_ += loaded.cost;
        while (cost_ > most_cost_) {
            const auto oldest = entries_.find(order_.back());
            cost_ -= oldest->second.cost;
            entries_.erase(oldest);
            order_.pop_back();
        }
    }

    std::size_t most_cost_;
    mutable std::mutex mutex_;
    std::condition_variable loaded_;
    std::unordered_map<Key, Entry> entries_;
    std::unordered_map<Key, bool> loading_;
    std::list<Key> order_;  // The last used one first.
    std::size_t cost_ = 0;
};

}  // namespace muster::backup
