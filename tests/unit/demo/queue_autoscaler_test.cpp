#include "demo/queue_autoscaler.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

using std::chrono::seconds;

constexpr SteadyTime kStart{seconds{1000}};

class QueueAutoscalerTest : public testing::Test {
 protected:
  static ApiAnswer jobs(int count) {
    return {.status = 200, .body = fmt::format(R"({{"items": [{{"value": "{}"}}]}})", count)};
  }

  // How many workers are wanted at `second` after a decision that wanted, and got, `wanted`.
  int sync(int wanted, int second) {
    return autoscaler_.sync(wanted, wanted, kStart + seconds{second}).decision.desired;
  }

  ApiAnswer waiting_ = jobs(0), in_flight_ = jobs(0);
  QueueAutoscaler autoscaler_{
      {.namespace_name = "demo", .queue = "jobs"}, [this](const std::string& path) {
        const std::string start = "/apis/external.metrics.k8s.io/v1beta1/namespaces/demo/";
        const std::string end = "?labelSelector=queue%3Djobs";
        if (path == start + "redis_queue_depth" + end) return waiting_;
        EXPECT_EQ(path, start + "redis_queue_in_flight" + end);
        return in_flight_;
      }};
};

TEST_F(QueueAutoscalerTest, TenJobsWaitingOrInFlightAreAWorker) {
  EXPECT_EQ(sync(0, 0), 0);
  waiting_ = jobs(1);
  EXPECT_EQ(sync(0, 1), 1);
  waiting_ = jobs(19);
  in_flight_ = jobs(2);
  EXPECT_EQ(sync(1, 2), 3);
  waiting_ = jobs(1000);
  EXPECT_EQ(sync(3, 5), 5) << "at most";
}

TEST_F(QueueAutoscalerTest, DownOnlyAfterThreeSeconds) {
  waiting_ = jobs(20);
  EXPECT_EQ(sync(0, 0), 2);
  waiting_ = jobs(0);
  EXPECT_EQ(sync(2, 1), 2);
  EXPECT_EQ(sync(2, 2), 2);
  EXPECT_EQ(sync(2, 4), 0);
  waiting_ = jobs(1);
  EXPECT_EQ(sync(0, 5), 1) << "and up again at once";
}

TEST_F(QueueAutoscalerTest, WhileOneAnswerIsAbsentNothingChanges) {
  in_flight_ = jobs(20);
  EXPECT_EQ(sync(0, 0), 2);
  in_flight_ = jobs(0);
  waiting_ = {.status = 404, .body = R"({"message": "older than 5000 ms"})"};
  EXPECT_EQ(sync(2, 60), 2);
  waiting_ = {.status = 0, .body = "connection refused"};
  EXPECT_EQ(sync(2, 120), 2);
  waiting_ = {.status = 200, .body = R"({"items": []})"};
  const auto synced = autoscaler_.sync(2, 2, kStart + seconds{180});
  EXPECT_EQ(synced.decision.desired, 2);
  EXPECT_EQ(synced.waiting, std::nullopt);
  EXPECT_EQ(synced.in_flight, 0);
  EXPECT_NE(synced.decision.scaling_active.message.find("no queue of this name"),
            std::string::npos);
}

}  // namespace
}  // namespace leadline
