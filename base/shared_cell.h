// SharedCell holds one immutable thing that threads share, and replaces it as a whole: readers keep
// what they loaded for as long as they like.
//
// A mutex instead of std::atomic<std::shared_ptr>: libstdc++ 12 ends that one's load with a relaxed
// unlock, so that a later store races with it (on x86 by the letter only). Thread-safe.

#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace leadline {

template <typename T>
class SharedCell {
 public:
  explicit SharedCell(std::shared_ptr<T> value) : value_(std::move(value)) {}

  [[nodiscard]] std::shared_ptr<T> load() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

  void store(std::shared_ptr<T> value) {
    const std::lock_guard lock(mutex_);
    value_.swap(value);  // what was there is destroyed after the lock: parameters outlive locals
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<T> value_;
};

}  // namespace leadline
