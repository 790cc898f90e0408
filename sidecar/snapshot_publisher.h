// SnapshotPublisher holds the one body that `/snapshot` serves: encoded once per change, shared by
// everybody who asks. The scrape loop publishes, the snapshot endpoint reads and is told of news.
// The loop's thread only. Invariants: there is always a body; sequence grows by one per publish.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "engine/pod_snapshot.h"

namespace leadline {

class SnapshotPublisher {
 public:
  // `boot_id` is random per process: a token of an earlier process never matches.
  // Begins with a body that says "searching".
  SnapshotPublisher(PodIdentity pod, std::uint64_t boot_id);

  // Replaces everything that was known of the pod. Pod, boot id and sequence are filled in here.
  // `sampled_at`: when the engine was asked for what it says; nullopt where it says no values.
  void publish(PodSnapshot snapshot, std::optional<SteadyTime> sampled_at);

  // Called after each publish. One listener.
  void on_news(std::function<void()> listener) { listener_ = std::move(listener); }

  // "00c0ffee00c0ffee-42": boot id in hex and the sequence, opaque to clients.
  [[nodiscard]] std::string token() const;
  [[nodiscard]] const std::shared_ptr<const std::string>& body() const { return body_; }
  [[nodiscard]] std::optional<SteadyTime> sampled_at() const { return sampled_at_; }

 private:
  PodIdentity pod_;
  std::uint64_t boot_id_;
  std::uint64_t sequence_ = 0;
  std::shared_ptr<const std::string> body_;
  std::optional<SteadyTime> sampled_at_;
  std::function<void()> listener_;
};

}  // namespace leadline
