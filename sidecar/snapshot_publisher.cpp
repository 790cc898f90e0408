#include "sidecar/snapshot_publisher.h"

#include <utility>

#include <fmt/format.h>

#include "engine/snapshot_codec.h"

namespace leadline {

SnapshotPublisher::SnapshotPublisher(PodIdentity pod, std::uint64_t boot_id)
    : pod_(std::move(pod)), boot_id_(boot_id) {
  publish({}, std::nullopt);
}

void SnapshotPublisher::publish(PodSnapshot snapshot, std::optional<SteadyTime> sampled_at) {
  snapshot.pod = pod_;
  snapshot.boot_id = boot_id_;
  snapshot.sequence = ++sequence_;
  body_ = std::make_shared<const std::string>(encode(snapshot));
  sampled_at_ = sampled_at;
  if (listener_) listener_();
}

std::string SnapshotPublisher::token() const {
  return fmt::format("{:016x}-{}", boot_id_, sequence_);
}

}  // namespace leadline
