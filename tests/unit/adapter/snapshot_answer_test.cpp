#include "adapter/snapshot_answer.h"

#include <gtest/gtest.h>

#include "engine/snapshot_codec.h"
#include "tests/unit/adapter/view_builder.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using test::noon;
using test::pod_of;

struct Timing {
  int age = 0, parked = 0, elapsed = 0;  // ms
};

HttpAnswer answer_of(const Pod& pod, const Timing& timing) {
  HttpAnswer answer;
  answer.status = 200;
  answer.headers = {{"Leadline-Token", "00c0ffee-1"},
                    {"Leadline-Sample-Age-Ms", std::to_string(timing.age)},
                    {"Leadline-Parked-Ms", std::to_string(timing.parked)}};
  answer.body = encode(*test::snapshot_of(pod, {}));
  answer.received_at = noon().steady;
  answer.sent_at = noon().steady - milliseconds{timing.elapsed};
  return answer;
}

TEST(SnapshotAnswerTest, AgeIsTheSidecarsAndWhatTheWayTook) {
  const auto f = [](const Timing& timing, int want) {
    const Pod pod = pod_of("a");
    const auto read = read_snapshot_answer(answer_of(pod, timing), pod);
    ASSERT_TRUE(read);
    EXPECT_EQ((noon().steady - read->sampled_at) / milliseconds{1}, want);
  };
  f({.age = 20, .parked = 0, .elapsed = 0}, 20);
  f({.age = 20, .parked = 600, .elapsed = 1000}, 420);  // the header's worked example
  f({.age = 20, .parked = 600, .elapsed = 600}, 20);
  f({.age = 20, .parked = 700, .elapsed = 600}, 20);  // never younger than the sidecar says
  f({.age = 0, .parked = 0, .elapsed = 2900}, 2900);  // headers at once, body late
}

TEST(SnapshotAnswerTest, NothingNewKeepsTheToken) {
  const Pod pod = pod_of("a");
  HttpAnswer answer = answer_of(pod, {});
  answer.status = 204;
  answer.body.clear();
  const auto read = read_snapshot_answer(answer, pod);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->token, "00c0ffee-1");
  EXPECT_FALSE(read->snapshot);
}

TEST(SnapshotAnswerTest, AnotherPodsSnapshotIsRefused) {
  const Pod dialled = pod_of("a");
  const auto f = [&](const Pod& said) {
    const auto read = read_snapshot_answer(answer_of(said, {}), dialled);
    return !read && read.error().reason == "mismatch" && read.error().other_pod;
  };
  Pod other = dialled;
  EXPECT_FALSE(f(other));
  other.name = "b";
  EXPECT_TRUE(f(other));
  other = dialled;
  other.namespace_name = "else";
  EXPECT_TRUE(f(other));
  other = dialled;
  other.uid = "an earlier life";
  EXPECT_TRUE(f(other));
  other.uid.clear();
  EXPECT_TRUE(f(other));
}

TEST(SnapshotAnswerTest, AUidThatTheListDoesNotKnowIsNotCompared) {
  Pod dialled = pod_of("a");
  const HttpAnswer answer = answer_of(dialled, {});
  dialled.uid.clear();
  EXPECT_TRUE(read_snapshot_answer(answer, dialled));
}

TEST(SnapshotAnswerTest, FailuresHaveReasons) {
  const Pod pod = pod_of("a");
  const auto f = [&](const auto& spoil, std::string_view want) {
    HttpAnswer answer = answer_of(pod, {});
    spoil(answer);
    const auto read = read_snapshot_answer(answer, pod);
    ASSERT_FALSE(read) << want;
    EXPECT_EQ(read.error().reason, want);
  };
  f([](HttpAnswer& answer) { answer.status = 429; }, "busy");
  f([](HttpAnswer& answer) { answer.status = 500; }, "status");
  f([](HttpAnswer& answer) { answer.body = "junk"; }, "bad_answer");
  f([](HttpAnswer& answer) { answer.headers[0].value = ""; }, "bad_answer");
  f([](HttpAnswer& answer) { answer.headers[0].value = "a b&c"; }, "bad_answer");
  f([](HttpAnswer& answer) { answer.headers[0].value = std::string(65, 'a'); }, "bad_answer");
  f([](HttpAnswer& answer) { answer.headers[1].value = "-1"; }, "bad_answer");
  f([](HttpAnswer& answer) { answer.headers[1].value = "1e3"; }, "bad_answer");
  f([](HttpAnswer& answer) { answer.headers.erase(answer.headers.begin() + 1); }, "bad_answer");
  f([](HttpAnswer& answer) { answer.headers.pop_back(); }, "bad_answer");
}

TEST(SnapshotAnswerTest, WithoutValuesThereIsNoAgeToTell) {
  const Pod pod = pod_of("a");
  auto empty = test::snapshot_of(pod, {});
  empty->series.clear();
  HttpAnswer answer = answer_of(pod, {});
  answer.body = encode(*empty);
  answer.headers.erase(answer.headers.begin() + 1);
  const auto read = read_snapshot_answer(answer, pod);
  ASSERT_TRUE(read) << read.error().error.message;
  EXPECT_TRUE(read->snapshot->series.empty());
}

}  // namespace
}  // namespace leadline
