// ReviewCache asks the same question once at a time and remembers the answer for a while: token
// reviews and access reviews, which every request needs and the Kubernetes API should answer once
// in ten seconds. Failures are handed out and not remembered.
//
// Not thread-safe: everything, answers included, happens on one loop. Bounded: at most kMaxEntries
// answers; the one asked for longest ago leaves first.

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

template <typename Answer>
class ReviewCache {
 public:
  static constexpr std::size_t kMaxEntries = 8192;
  static constexpr std::size_t kMaxKeyBytes = 10'000;  // longer ones are asked each time

  using Use = std::function<void(const Result<Answer>&)>;
  using Ask = std::function<void(Use)>;

  ReviewCache(std::chrono::milliseconds remembered, Clock clock)
      : remembered_(remembered), clock_(std::move(clock)) {}

  // What is remembered now; nullptr: nothing. Valid until the next call of get().
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
  }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Result<Answer> answer;
    SteadyTime until;
    std::list<std::string>::iterator place;
  };

  void settle(const std::string& key, const Result<Answer>& answer) {
    const std::vector<Use> waiting = std::move(waiting_.extract(key).mapped());
    if (answer) keep(key, answer);
    for (const Use& use : waiting) use(answer);
  }

  void keep(const std::string& key, const Result<Answer>& answer) {
    forget(key);
    if (entries_.size() >= kMaxEntries) forget(std::string(order_.front()));
    order_.push_back(key);
    entries_.emplace(key, Entry{answer, clock_().steady + remembered_, std::prev(order_.end())});
  }

  void forget(const std::string& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    order_.erase(found->second.place);
    entries_.erase(found);
  }

  std::chrono::milliseconds remembered_;
  Clock clock_;
  std::unordered_map<std::string, Entry> entries_;
  std::list<std::string> order_;  // by when it was asked
  std::unordered_map<std::string, std::vector<Use>> waiting_;
};

}  // namespace leadline
