#include "adapter/workload_throughput.h"

#include <gtest/gtest.h>

#include "tests/unit/adapter/view_builder.h"

namespace leadline {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using test::noon;
using test::pod_of;

const WorkloadName kWorkload = {"Deployment", "ns", "llm"};

// A pod that finished so many requests within a time that ended just now.
PodState finished(const Pod& pod, double requests, SteadyTime now,
                  std::chrono::milliseconds span = seconds{60}) {
  PodState state;
  const auto snapshot = test::snapshot_of(pod, {});
  for (WindowValues& window : snapshot->series.front().windows) {
    window.span = span;
    window.increases[index_of(Counter::kFinishedRequests)] = requests;
  }
  state.snapshot = snapshot;
  state.sampled_at = now;
  return state;
}

class WorkloadThroughputTest : public testing::Test {
 protected:
  void pods(const std::vector<double>& requests, SteadyTime now,
            std::chrono::milliseconds span = seconds{60}) {
    test::ViewBuilder builder;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const Pod pod = pod_of(fmt::format("llm-{}", i));
      builder.add(pod, finished(pod, requests[i], now, span));
    }
    views_.publish(builder.build());
  }
  // `2 measured 0 s ago`, or why not.
  std::string known(SteadyTime now, const WorkloadName& workload = kWorkload) {
    const auto found = throughput_.of(workload, now);
    if (!found) return found.error().message;
    return fmt::format("{:.3g} measured {} s ago", found->requests_per_second,
                       std::chrono::floor<seconds>(now - found->measured_at).count());
  }

  const SteadyTime start_ = noon().steady;
  const std::string none_ = "no throughput of Deployment llm was measured yet";
  ViewCell views_;
  WorkloadThroughput throughput_{views_};
};

TEST_F(WorkloadThroughputTest, OfThePodsThatFinishedAny) {
  EXPECT_EQ(known(start_), none_);  // of an adapter that has just started
  pods({120, 60, 0}, start_);
  EXPECT_EQ(known(start_), "1.5 measured 0 s ago");
  EXPECT_EQ(known(start_, {"StatefulSet", "ns", "llm"}),
            "no throughput of StatefulSet llm was measured yet");
  EXPECT_FALSE(throughput_.of({"Deployment", "other", "llm"}, start_));
}

TEST_F(WorkloadThroughputTest, StalePodsAndShortTimesSayNothing) {
  pods({60}, start_ - minutes{1});
  EXPECT_EQ(known(start_), none_);
  pods({60}, start_, seconds{29});
  EXPECT_EQ(known(start_), none_);
  pods({0, 0}, start_);
  EXPECT_EQ(known(start_), none_);
}

TEST_F(WorkloadThroughputTest, ItIsRememberedForAnHour) {
  pods({120}, start_);
  EXPECT_EQ(known(start_), "2 measured 0 s ago");
  pods({}, start_);
  EXPECT_EQ(known(start_ + seconds{90}), "2 measured 90 s ago");
  EXPECT_EQ(known(start_ + minutes{60}), "2 measured 3600 s ago");
  EXPECT_EQ(known(start_ + minutes{60} + seconds{1}), none_);
}

// Before a workload goes to zero it finishes less and less: that is not what it can do.
TEST_F(WorkloadThroughputTest, TheBestOfTenMinutesCounts) {
  for (int i = 0; i <= 120; ++i) {
    const auto now = start_ + seconds{5} * i;
    pods({i == 60 ? 600.0 : 6.0}, now);
    known(now);
  }
  const auto end = start_ + minutes{10};
  EXPECT_EQ(known(end), "10 measured 0 s ago");
  for (int minute = 1; minute <= 7; ++minute) {
    pods({6}, end + minutes{minute});
    known(end + minutes{minute});
  }
  EXPECT_EQ(known(end + minutes{7}), "0.1 measured 0 s ago");  // its requests have become heavier
}

TEST_F(WorkloadThroughputTest, AViewThatIsNotCompleteSaysNothing) {
  test::ViewBuilder builder;
  const Pod pod = pod_of("llm-0");
  views_.publish(builder.add(pod, finished(pod, 60, start_)).incomplete().build());
  EXPECT_EQ(known(start_), none_);
}

}  // namespace
}  // namespace leadline
