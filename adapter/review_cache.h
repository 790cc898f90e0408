// ReviewCache asks the same question once at a time and remembers the answer for a while: token
// reviews and access reviews, which every request needs and the Kubernetes API should answer once
// in ten seconds. Failures are handed out and not remembered.
//
// Not thread-safe: everything, answers included, happens on one loop. Bounded: at most kMaxEntries
// answers and kMaxBytes of them and their keys; the one given longest ago leaves first, and each
// leaves when its time is over.

#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace leadline {

// What an answer takes on the heap; an overload beside each type that takes any.
template <typename Answer>
std::size_t heap_bytes(const Answer& /*answer*/) {
  return 0;
}

template <typename Answer>
class ReviewCache {
 public:
  static constexpr std::size_t kMaxEntries = 8192;
  static constexpr std::size_t kMaxBytes = 8 * 1024 * 1024;
  static constexpr std::size_t kMaxKeyBytes = 10'000;  // longer ones are asked each time

  using Use = std::function<void(const Result<Answer>&)>;
  using Ask = std::function<void(Use)>;

  ReviewCache(std::chrono::milliseconds remembered, Clock clock)
      : remembered_(remembered), clock_(std::move(clock)) {}

  // What is remembered now; nullptr: nothing. Valid until the next call of get(), or the next
  // answer.
  [[nodiscard]] const Result<Answer>* find(const std::string& key) const {
    const auto known = entries_.find(key);
    const bool fresh = known != entries_.end() && clock_().steady < known->second.until;
    return fresh ? &known->second.answer : nullptr;
  }

  // Calls `use` with the answer to `key`: at once where it is remembered; else when `ask`, which is
  // called unless somebody has asked already, has one.
  void get(const std::string& key, Use use, const Ask& ask) {
    if (key.size() > kMaxKeyBytes) return ask(std::move(use));
    if (const Result<Answer>* known = find(key)) return use(*known);
    auto& waiting = waiting_[key];
    waiting.push_back(std::move(use));
    if (waiting.size() > 1) return;
    ask([this, key](const Result<Answer>& answer) { settle(key, answer); });
  }  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): std::function frees what it holds

  void clear() {
    entries_.clear();
    order_.clear();
    bytes_ = 0;
  }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    Result<Answer> answer;
    SteadyTime until;
    std::size_t bytes = 0;
    std::list<const std::string*>::iterator place;
  };
  using Entries = std::unordered_map<std::string, Entry>;

  void settle(const std::string& key, const Result<Answer>& answer) {
    const std::vector<Use> waiting = std::move(waiting_.extract(key).mapped());
    if (answer) keep(key, answer);
    for (const Use& use : waiting) use(answer);
  }

  void keep(const std::string& key, const Result<Answer>& answer) {
    const SteadyTime now = clock_().steady;
    const std::size_t bytes = key.size() + sizeof(Entry) + heap_bytes(*answer);
    if (bytes > kMaxBytes) return;
    if (const auto old = entries_.find(key); old != entries_.end()) forget(old);
    while (!entries_.empty() && (oldest()->second.until <= now || is_full(bytes))) forget(oldest());
    const auto kept =
        entries_.emplace(key, Entry{answer, now + remembered_, bytes, order_.end()}).first;
    kept->second.place = order_.insert(order_.end(), &kept->first);
    bytes_ += bytes;
  }

  [[nodiscard]] bool is_full(std::size_t further) const {
    return entries_.size() >= kMaxEntries || bytes_ + further > kMaxBytes;
  }

  Entries::iterator oldest() { return entries_.find(*order_.front()); }

  void forget(Entries::iterator entry) {
    bytes_ -= entry->second.bytes;
    order_.erase(entry->second.place);
    entries_.erase(entry);
  }

  std::chrono::milliseconds remembered_;
  Clock clock_;
  Entries entries_;
  std::list<const std::string*> order_;  // keys in entries_, by when they were answered
  std::size_t bytes_ = 0;
  std::unordered_map<std::string, std::vector<Use>> waiting_;
};

}  // namespace leadline
