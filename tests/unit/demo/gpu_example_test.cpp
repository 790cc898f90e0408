// manifests/examples/hpa-gpu-utilization.yaml as it lies there, replayed sync by sync: 80 % for
// five minutes, then two pods.

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "demo/hpa_manifest.h"
#include "engine/scaling/hpa.h"
#include "tests/required.h"

namespace leadline {
namespace {

using std::chrono::seconds;

// A rescale that was decided: at which second, and to how many.
struct Rescale {
  int at = 0;
  int to = 0;

  bool operator==(const Rescale&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Rescale& rescale) {
  return out << rescale.at << " s: " << rescale.to;
}

Observation all_ready(int replicas, int percent) {
  Observation seen{
      .spec_replicas = replicas, .status_replicas = replicas, .pods = {}, .readings = {}};
  for (int i = 0; i < replicas; ++i) seen.pods.push_back({.name = "llm-" + std::to_string(i)});
  seen.readings.emplace_back(std::vector<std::int64_t>{std::int64_t{1000} * percent});
  return seen;
}

// Syncs every 15 s, as the controller's default is; each rescale is done before the next sync.
std::vector<Rescale> replay(int replicas, int until, const std::function<int(int)>& percent_at) {
  const HpaManifest manifest = required(
      read_hpa_manifest(LEADLINE_SOURCE_DIR "/manifests/examples/hpa-gpu-utilization.yaml"));
  HpaMemory memory;
  std::vector<Rescale> rescales;
  for (int t = 0; t <= until; t += 15) {
    const auto decision = decide(manifest.spec, all_ready(replicas, percent_at(t)), memory,
                                 SteadyTime{std::chrono::hours{1}} + seconds{t});
    if (!decision.rescale) continue;
    replicas = decision.desired;
    rescales.push_back({t, replicas});
  }
  return rescales;
}

// Five pods at 75 % propose five: 75 / 80 is within 10 % of 1. From 300 s on they are at 100 % and
// propose ceil(5 x 100 / 80) = 7. The last five, of 285 s, is out of the window of 300 s at 585 s.
// Seven pods at 100 % propose 9. The last seven, of 585 s, is out at 885 s, as is the rescale from
// the policy's period: 7 + 2 would be allowed, maxReplicas makes it 8.
TEST(GpuExampleTest, AddsTwoPodsAfterFiveMinutes) {
  EXPECT_EQ(replay(5, 1800, [](int t) { return t < 300 ? 75 : 100; }),
            (std::vector<Rescale>{{585, 7}, {885, 8}}));
}

// One quiet sync at 450 s proposes five once more, and is out at 750 s.
TEST(GpuExampleTest, ALullBeginsTheFiveMinutesAnew) {
  EXPECT_EQ(replay(5, 870, [](int t) { return t < 300 || t == 450 ? 75 : 100; }),
            (std::vector<Rescale>{{750, 7}}));
}

// 88 / 80 is 1.1: the tolerance leaves it alone, and 89 / 80 no more.
TEST(GpuExampleTest, ActsAboveEightyEightPercent) {
  const auto with = [](int busy) {
    return replay(5, 900, [busy](int t) { return t < 300 ? 75 : busy; });
  };
  EXPECT_EQ(with(88), std::vector<Rescale>{});
  EXPECT_EQ(with(89), (std::vector<Rescale>{{585, 6}, {885, 7}}));
}

// From four pods 100 % is one pod more, whatever the policy allows: what the file's comment warns
// of.
TEST(GpuExampleTest, FromFourPodsItIsOne) {
  EXPECT_EQ(replay(4, 870, [](int t) { return t < 300 ? 75 : 100; }),
            (std::vector<Rescale>{{585, 5}}));
}

// Idle GPUs propose less at once; the most of the last five minutes counts.
TEST(GpuExampleTest, GoesDownAfterFiveMinutesOfLess) {
  EXPECT_EQ(replay(5, 600, [](int t) { return t < 300 ? 75 : 20; }),
            (std::vector<Rescale>{{585, 2}}));
}

}  // namespace
}  // namespace leadline
