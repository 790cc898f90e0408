// LoadBalancer knows the engines of the moment and how many of our requests each has outstanding.
// Pure bookkeeping; LoadRunner's loop is its only user. Not synchronised.

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "sim/load_connection.h"

namespace leadline {

struct BalancedEndpoint {
  LoadEndpoint endpoint;
  int outstanding = 0;
};

class LoadBalancer {
 public:
  // Keeps the counts of engines that stay; one that left lives on only in its requests.
  void replace(const std::vector<LoadEndpoint>& endpoints) {
    std::vector<std::shared_ptr<BalancedEndpoint>> next;
    for (const LoadEndpoint& endpoint : endpoints) {
      auto known = find(endpoint.url);
      next.push_back(known ? known
                           : std::make_shared<BalancedEndpoint>(BalancedEndpoint{endpoint, 0}));
    }
    endpoints_ = std::move(next);
  }

  // The one with the fewest outstanding, among equals the next in turn; null when there is none but
  // `except`.
  std::shared_ptr<BalancedEndpoint> pick(const BalancedEndpoint* except = nullptr) {
    std::shared_ptr<BalancedEndpoint> best;
    for (std::size_t i = 0; i < endpoints_.size(); ++i) {
      const auto& candidate = endpoints_[(turn_ + i) % endpoints_.size()];
      if (candidate.get() == except) continue;
      if (!best || candidate->outstanding < best->outstanding) best = candidate;
    }
    ++turn_;
    return best;
  }

 private:
  [[nodiscard]] std::shared_ptr<BalancedEndpoint> find(const std::string& url) const {
    for (const auto& known : endpoints_) {
      if (known->endpoint.url == url) return known;
    }
    return nullptr;
  }

  std::vector<std::shared_ptr<BalancedEndpoint>> endpoints_;
  std::size_t turn_ = 0;
};

}  // namespace leadline
