// Reads what a sidecar answered to one long poll. Pure. Source: design page, "Snapshot protocol".
//
// Headers: Leadline-Token, what to send as `after` next; Leadline-Sample-Age-Ms, the age of the
// values when the sidecar began to send; Leadline-Parked-Ms, how long it had parked the request.
// The two nodes' wall clocks are never compared:
//   age at receipt = sample age + max(0, our own time since the request was sent - parked)
// so that bytes that lay about on the way make a sample older, never younger. Worked: sent at 0 ms,
// parked 600 ms, sent back aged 20 ms, complete at 1,000 ms: age 20 + (1,000 - 600) = 420 ms.

#pragma once

#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "adapter/pod_list.h"
#include "base/clock.h"
#include "base/result.h"
#include "daemon/http_connection.h"
#include "engine/pod_snapshot.h"

namespace leadline {

struct SnapshotAnswer {
  std::string token;
  std::optional<PodSnapshot> snapshot;  // nullopt: nothing new, what is known stays and ages on
  SteadyTime sampled_at;                // upper bound of its age; meaningful with a snapshot
};

// A poll that failed: `reason` is the self metric's label.
struct PollFailure {
  std::string reason;
  Error error;
  bool other_pod = false;  // somebody else's sidecar answers there
};

using PollResult = tl::expected<SnapshotAnswer, PollFailure>;

// `pod` is the one that was dialled: a snapshot of another is refused.
[[nodiscard]] PollResult read_snapshot_answer(const HttpAnswer& answer, const Pod& pod);

[[nodiscard]] PollFailure poll_failure(const HttpError& error);

}  // namespace leadline
