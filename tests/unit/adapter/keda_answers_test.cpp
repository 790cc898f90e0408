#include "adapter/keda_answers.h"

#include <limits>

#include <gtest/gtest.h>

#include "adapter/keda_clients.h"
#include "adapter/keda_push.h"
#include "tests/required.h"
#include "tests/unit/adapter/view_builder.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using test::noon;
using test::pod_of;
using test::Said;
using test::ViewBuilder;

Pod unready(Pod pod) {
  pod.ready = false;
  return pod;
}

Pod terminating(Pod pod) {
  pod.deleting = true;
  return pod;
}

class KedaAnswersTest : public testing::Test {
 protected:
  void serve(const ViewBuilder& builder, SteadyTime now = noon().steady) {
    views_.publish(builder.build());
    answers_.look(now);
  }

  [[nodiscard]] KedaTrigger trigger(Labels more = {}) const {
    more.insert({{"workload", "llm"}, {"targetValue", "4"}});
    return required(answers_.trigger("ns", more));
  }
  [[nodiscard]] KedaTrigger to_zero(Labels more = {}) const {
    more.insert({"scaleToZero", "true"});
    return trigger(more);
  }

  // `7`, or `unavailable: why`.
  [[nodiscard]] std::string value(const KedaTrigger& of, SteadyTime now = noon().steady) {
    const auto value = answers_.value(of, now);
    if (value) return fmt::format("{}", value->value);
    EXPECT_EQ(value.error().code, Errc::kUnavailable);
    return "unavailable: " + value.error().message;
  }
  [[nodiscard]] std::string active(const KedaTrigger& of, SteadyTime now = noon().steady) {
    const auto active = answers_.active(of, now);
    if (active) return *active ? "active" : "inactive";
    EXPECT_EQ(active.error().code, Errc::kUnavailable);
    return "unavailable: " + active.error().message;
  }

  ViewCell views_;
  Catalogue catalogue_ = std::move(*Catalogue::make(
      {.aliases = {{"negative", "queue_depth", "", -1}, {"huge", "queue_depth", "", 1e308}}}));
  KedaAnswers answers_{views_, catalogue_, {}};
};

TEST_F(KedaAnswersTest, NothingIsKnownBeforeAllPodsWereTried) {
  serve(ViewBuilder().with(pod_of("a"), {.running = 2}).incomplete());
  EXPECT_TRUE(value(trigger()).starts_with("unavailable: not all pods")) << value(trigger());
  EXPECT_TRUE(active(to_zero()).starts_with("unavailable: not all pods"));
}

TEST_F(KedaAnswersTest, TheValueIsTheWorkloadsWithItsSamplesAge) {
  serve(ViewBuilder()
            .with(pod_of("a"), {.queue_depth = 3, .running = 2})
            .with(pod_of("b"), {.running = 2}, milliseconds{2500})
            .with(pod_of("c", "other"), {.running = 50}));
  EXPECT_EQ(value(trigger()), "7");
  EXPECT_EQ(value(trigger({{"metric", "queue_depth"}})), "3");
  const auto told = required(answers_.value(trigger(), noon().steady));
  EXPECT_DOUBLE_EQ(told.sample_age->count(), 2.5);
}

TEST_F(KedaAnswersTest, AnotherNamespacesWorkloadIsNotSeen) {
  serve(ViewBuilder().with(pod_of("a"), {.running = 2}));
  const auto foreign =
      required(answers_.trigger("other", {{"workload", "llm"}, {"targetValue", "4"}}));
  EXPECT_TRUE(value(foreign).starts_with("unavailable: no pod of")) << value(foreign);
}

TEST_F(KedaAnswersTest, StalePodsAreUnknownAndNeverZero) {
  serve(ViewBuilder().with(pod_of("a"), {.running = 2}, seconds{20}));
  EXPECT_NE(value(trigger()).find("stale: a"), std::string::npos) << value(trigger());
  EXPECT_NE(active(to_zero()).find("not known: a"), std::string::npos) << active(to_zero());
}

TEST_F(KedaAnswersTest, WhatKedaWouldTakeForZeroIsNotSaid) {
  serve(ViewBuilder().with(pod_of("a"), {.queue_depth = 3}));
  EXPECT_TRUE(value(trigger({{"metric", "negative"}})).starts_with("unavailable: negative"));
  EXPECT_TRUE(value(trigger({{"metric", "huge"}})).starts_with("unavailable: huge"));
}

TEST_F(KedaAnswersTest, AWorkloadTriggerAloneKeepsItsWorkload) {
  EXPECT_EQ(active(trigger()), "active");  // even before anything is known
  serve(ViewBuilder().with(pod_of("a"), {}));
  EXPECT_EQ(active(trigger()), "active");
}

TEST_F(KedaAnswersTest, OnlyWorkKeepsAWorkloadThatMayGoToZero) {
  serve(ViewBuilder().with(pod_of("a"), {}).with(pod_of("b"), {}));
  EXPECT_EQ(active(to_zero()), "inactive");
  serve(ViewBuilder().with(pod_of("a"), {}).with(pod_of("b"), {.running = 1}));
  EXPECT_EQ(active(to_zero()), "active");
  serve(ViewBuilder().with(pod_of("a"), {}).with(unready(pod_of("b")), {.queue_depth = 1}));
  EXPECT_EQ(active(to_zero()), "active");
}

TEST_F(KedaAnswersTest, OneSilentPodLeavesAnIdleWorkloadUnknownAndABusyOneActive) {
  serve(ViewBuilder().with(pod_of("a"), {}).silent(pod_of("b")));
  EXPECT_NE(active(to_zero()).find("not known: b"), std::string::npos) << active(to_zero());
  serve(ViewBuilder().with(pod_of("a"), {.running = 1}).silent(pod_of("b")));
  EXPECT_EQ(active(to_zero()), "active");
}

TEST_F(KedaAnswersTest, ATerminatingPodKeepsNobody) {
  serve(ViewBuilder().with(pod_of("a"), {}).with(terminating(pod_of("b")), {.running = 9}));
  EXPECT_EQ(active(to_zero()), "inactive");
}

TEST_F(KedaAnswersTest, ALoadingPodKeepsItsWorkloadForAQuarterOfAnHour) {
  serve(ViewBuilder().silent(unready(pod_of("a"))));
  EXPECT_EQ(active(to_zero(), noon().steady + minutes{14}), "active");
  EXPECT_TRUE(value(to_zero(), noon().steady + minutes{14}).starts_with("unavailable"));
  EXPECT_EQ(active(to_zero(), noon().steady + minutes{15}), "inactive");
  EXPECT_EQ(value(to_zero(), noon().steady + minutes{15}), "0");
  EXPECT_TRUE(value(trigger(), noon().steady + minutes{15}).starts_with("unavailable"))
      << "a workload that stays would lose its replicas";
}

TEST_F(KedaAnswersTest, BothGracesAreTheOptions) {
  KedaAnswers hasty(views_, catalogue_,
                    {.absent_grace = milliseconds{1500}, .loading_grace = seconds{20}});
  views_.publish(ViewBuilder().silent(unready(pod_of("a"))).build());
  hasty.look(noon().steady);
  EXPECT_TRUE(required(hasty.active(to_zero(), noon().steady + seconds{19})));
  EXPECT_FALSE(required(hasty.active(to_zero(), noon().steady + seconds{20})));
  views_.publish(ViewBuilder().build());
  hasty.look(noon().steady);
  const auto early = hasty.value(to_zero(), noon().steady + milliseconds{1499});
  ASSERT_FALSE(early);
  EXPECT_TRUE(early.error().message.ends_with("believed after 1.5 s")) << early.error().message;
  EXPECT_EQ(required(hasty.value(to_zero(), noon().steady + milliseconds{1500})).value, 0);
}

TEST_F(KedaAnswersTest, APodThatCrashesAgainAndAgainIsNotYoungAgain) {
  for (int minute = 0; minute < 15; minute += 5) {
    serve(ViewBuilder().silent(unready(pod_of("a"))), noon().steady + minutes{minute});
    serve(ViewBuilder().silent(pod_of("a")), noon().steady + minutes{minute + 1});
  }
  serve(ViewBuilder().silent(unready(pod_of("a"))), noon().steady + minutes{15});
  EXPECT_EQ(active(to_zero(), noon().steady + minutes{15}), "inactive");
}

TEST_F(KedaAnswersTest, APodThatServedForLongMayLoadAgain) {
  const auto at = [](int minute) { return noon().steady + minutes{minute}; };
  serve(ViewBuilder().silent(unready(pod_of("a"))), at(0));
  serve(ViewBuilder().silent(pod_of("a")), at(1));
  serve(ViewBuilder().silent(pod_of("a")), at(17));
  serve(ViewBuilder().silent(unready(pod_of("a"))), at(18));
  EXPECT_EQ(active(to_zero(), at(19)), "active");
}

TEST_F(KedaAnswersTest, AnEmptyWorkloadIsBelievedAfterAMinute) {
  serve(ViewBuilder().with(pod_of("a"), {.running = 1}));
  EXPECT_EQ(active(to_zero()), "active");
  EXPECT_FALSE(answers_.believed_at_zero(to_zero(), noon().steady));
  const SteadyTime gone = noon().steady + minutes{10};
  serve(ViewBuilder(), gone);
  EXPECT_TRUE(answers_.believed_at_zero(to_zero(), gone));
  EXPECT_TRUE(value(to_zero(), gone + seconds{59}).starts_with("unavailable: no pod of"));
  EXPECT_TRUE(active(to_zero(), gone + seconds{59}).starts_with("unavailable: no pod of"));
  EXPECT_EQ(value(to_zero(), gone + seconds{60}), "0");
  EXPECT_EQ(active(to_zero(), gone + seconds{60}), "inactive");
  EXPECT_EQ(value(trigger(), gone + seconds{60}), "0");
  EXPECT_EQ(active(trigger(), gone + seconds{60}), "active");
}

TEST_F(KedaAnswersTest, APodThatComesBackEndsTheEmptiness) {
  serve(ViewBuilder());
  EXPECT_TRUE(value(trigger()).starts_with("unavailable: no pod of"));
  serve(ViewBuilder().with(pod_of("a"), {.running = 1}), noon().steady + seconds{50});
  serve(ViewBuilder(), noon().steady + seconds{55});
  EXPECT_TRUE(value(trigger(), noon().steady + seconds{70}).starts_with("unavailable: no pod of"));
}

TEST_F(KedaAnswersTest, TheActivationIsExceededNotMet) {
  serve(ViewBuilder().with(pod_of("a"), {}));
  const Labels rate = {{"metric", "inference_requests_per_second"}};
  const double per_second = required(answers_.value(trigger(rate), noon().steady)).value;
  Labels at = rate, below = rate;
  at["activationTargetValue"] = fmt::format("{}", per_second);
  below["activationTargetValue"] = "0.5";
  EXPECT_EQ(active(to_zero(at)), "inactive");
  EXPECT_EQ(active(to_zero(below)), "active");
}

TEST_F(KedaAnswersTest, ASelectorThatMatchesNoPodIsUnknown) {
  serve(ViewBuilder().with(pod_of("a"), {.running = 1}));
  EXPECT_TRUE(value(trigger({{"selector", "app=else"}})).ends_with("matches"));
  EXPECT_EQ(value(trigger({{"selector", "app=llm"}})), "1");
}

// A tenant who asks for made-up names forgets its own, never another's.
TEST(KedaMemoryTest, ANamespaceThatAsksForTooMuchForgetsItsOwnOnly) {
  KedaMemory memory;
  memory.look(*ViewBuilder().build(), noon().steady);
  const auto empty_for = [&](const std::string& namespace_name, int name, seconds when) {
    return memory.empty_for("Deployment", namespace_name, fmt::format("w{}", name),
                            noon().steady + when);
  };
  EXPECT_EQ(empty_for("tenant", 0, seconds{0}), seconds{0});
  EXPECT_EQ(empty_for("other", 0, seconds{0}), seconds{0});
  memory.look(*ViewBuilder().build(), noon().steady + seconds{5});
  const int many = KedaMemory::kMaxWorkloadsOfNamespace;
  for (int i = 1; i <= many; ++i) {
    EXPECT_EQ(empty_for("tenant", i, seconds{6}), seconds{1});
  }
  EXPECT_EQ(empty_for("tenant", 0, seconds{60}), seconds{55}) << "it was forgotten";
  EXPECT_EQ(empty_for("tenant", many, seconds{60}), seconds{55});
  EXPECT_EQ(empty_for("other", 0, seconds{60}), seconds{60});
}

TEST(KedaNumberTest, ASmallValueNeverBecomesZero) {
  EXPECT_EQ(keda_number(0).number, 0);
  EXPECT_EQ(keda_number(0).whole, 0);
  EXPECT_EQ(keda_number(0.0004).number, 0.001);
  EXPECT_EQ(keda_number(0.0004).whole, 1);
  EXPECT_EQ(keda_number(22.222).number, 22.222);
  EXPECT_EQ(keda_number(22.222).whole, 23);
  EXPECT_EQ(keda_number(std::numeric_limits<double>::max()).whole, 9'000'000'000'000'000);
}

TEST(KedaPushTest, AnEdgeIsSaidAtOnceAndOnce) {
  KedaPush push;
  EXPECT_FALSE(push.due(false, true, noon().steady));
  EXPECT_TRUE(push.due(true, false, noon().steady));
  EXPECT_FALSE(push.due(true, false, noon().steady + minutes{5}));
  EXPECT_FALSE(push.due(false, false, noon().steady + minutes{6}));
  EXPECT_TRUE(push.due(true, false, noon().steady + minutes{7}));
}

TEST(KedaPushTest, OnlyAnActiveWorkloadAtZeroHearsTheHeartbeat) {
  KedaPush push;
  EXPECT_TRUE(push.due(true, true, noon().steady));
  EXPECT_FALSE(push.due(true, true, noon().steady + milliseconds{4999}));
  EXPECT_FALSE(push.due(true, false, noon().steady + seconds{5}));
  EXPECT_TRUE(push.due(true, true, noon().steady + seconds{5}));
}

TEST(KedaClientsTest, ACertificateSpeaksForItsNamespacesOnly) {
  const KedaClients clients({{"keda.a", {"a", "b"}}, {"keda.all", {"*"}}});
  const auto may = [&](std::vector<std::string> sans, std::string_view namespace_name) {
    return clients.may_ask(sans, namespace_name);
  };
  EXPECT_TRUE(may({"keda.a"}, "b"));
  EXPECT_FALSE(may({"keda.a"}, "c"));
  EXPECT_TRUE(may({"other", "keda.all"}, "c"));
  EXPECT_FALSE(may({}, "a"));
  EXPECT_FALSE(may({"*"}, "a"));
}

}  // namespace
}  // namespace leadline
