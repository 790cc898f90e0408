// PodSnapshot <-> bytes: the only contract between sidecar and adapter (engine/snapshot.proto,
// protobuf-lite). Pure.
//
// Schema versions: a reader accepts every minor version of its major one: older ones lack fields
// (absent), newer ones have fields it skips. Another major version is refused.

#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/pod_snapshot.h"

namespace leadline {

inline constexpr std::uint32_t kSnapshotSchemaMajor = 1;
inline constexpr std::uint32_t kSnapshotSchemaMinor = 0;

// A snapshot of one model is about 1.5 KB; 16 series with long edges stay below this.
inline constexpr std::size_t kMaxSnapshotBytes = 256 * 1024;

[[nodiscard]] std::string encode(const PodSnapshot& snapshot);

// kBadInput: not a snapshot, another major schema, or one that breaks an invariant (more than 16
// series, edges not ascending, NaN, negative counts): the message says which.
[[nodiscard]] Result<PodSnapshot> decode_snapshot(std::string_view bytes);

}  // namespace leadline
