#include "adapter/collector.h"

#include <gtest/gtest.h>

#include "tests/unit/adapter/fake_sidecar.h"
#include "tests/unit/daemon/raw_socket.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using test::FakeSidecar;
using test::pod_of;

class CollectorTest : public testing::Test {
 protected:
  CollectorTest() {
    thread_.call([this] {
      collector_ =
          std::make_unique<Collector>(thread_.loop(), views_, metrics_, CollectorOptions{});
    });
  }

 public:
  ~CollectorTest() override {
    thread_.call([this] { collector_.reset(); });
  }

 protected:
  void take(std::vector<Pod> pods) {
    const auto list = std::make_shared<const PodList>(PodList{std::move(pods), {}});
    thread_.call([&] { collector_->take(list); });
  }

  template <typename Condition>
  bool eventually(Condition holds) {
    return test::eventually(thread_, [&] { return holds(*views_.current()); });
  }

  // The queue depth of a pod in a view; -1 where nothing is known.
  static double depth(const View& view, PodNumber pod = 0) {
    const auto& snapshot = view.states.at(pod).snapshot;
    if (snapshot == nullptr || snapshot->series.empty()) return -1;
    return snapshot->series[0].gauges[index_of(Gauge::kQueueDepth)].value_or(-1);
  }

  bool eventually_says(const std::string& line) {
    return eventually(
        [&](const View&) { return metrics_.text({}).find(line) != std::string::npos; });
  }

  ViewCell views_;
  SelfMetrics metrics_;
  test::LoopThread thread_;
  std::unique_ptr<Collector> collector_;
};

TEST_F(CollectorTest, TheNewestSnapshotOfEachPodIsInTheView) {
  FakeSidecar a(pod_of("a"));
  FakeSidecar b(pod_of("b"));
  a.say({.queue_depth = 3});
  b.say({.queue_depth = 4});
  take({a.dialled(), b.dialled()});
  EXPECT_TRUE(eventually([](const View& v) { return depth(v, 0) == 3 && depth(v, 1) == 4; }));
  a.say({.queue_depth = 7});
  EXPECT_TRUE(eventually([](const View& v) { return depth(v, 0) == 7 && depth(v, 1) == 4; }));
}

TEST_F(CollectorTest, ABodyReplacesEverythingThatWasKnown) {
  FakeSidecar a(pod_of("a"));
  a.say({.queue_depth = 3});
  take({a.dialled()});
  ASSERT_TRUE(eventually([](const View& v) { return depth(v) == 3; }));
  a.say_nothing_known();
  EXPECT_TRUE(eventually([](const View& v) { return depth(v) == -1; }));
}

TEST_F(CollectorTest, NoNewsKeepsTheSampleAndItsTime) {
  FakeSidecar a(pod_of("a"));
  a.say({.queue_depth = 3});
  take({a.dialled()});
  ASSERT_TRUE(eventually([](const View& v) { return depth(v) == 3; }));
  const SteadyTime sampled_at = views_.current()->states[0].sampled_at;
  ASSERT_TRUE(test::eventually(thread_, [&] { return a.waiters() == 1; }));
  a.let_waiters_go();
  EXPECT_TRUE(eventually_says("leadline_adapter_polls_total{outcome=\"unchanged\"} 1"));
  EXPECT_EQ(views_.current()->states[0].sampled_at, sampled_at);
  EXPECT_EQ(depth(*views_.current()), 3);
}

TEST_F(CollectorTest, AnotherPodsSidecarIsRefusedAndCounted) {
  FakeSidecar a(pod_of("a"));
  Pod mistaken = a.dialled();
  mistaken.name = "b";
  take({mistaken});
  EXPECT_TRUE(eventually([](const View& v) { return v.states.at(0).mismatch; }));
  EXPECT_EQ(views_.current()->states[0].snapshot, nullptr);
  EXPECT_EQ(views_.current()->count(SteadyTime{}).mismatch, 1U);
  EXPECT_TRUE(eventually_says("leadline_adapter_poll_failures_total{reason=\"mismatch\"}"));
}

TEST_F(CollectorTest, AFailureKeepsWhatIsKnownAndHeals) {
  FakeSidecar a(pod_of("a"));
  a.say({.queue_depth = 3});
  take({a.dialled()});
  ASSERT_TRUE(eventually([](const View& v) { return depth(v) == 3; }));
  a.refuse_with(429);
  EXPECT_TRUE(eventually_says("leadline_adapter_poll_failures_total{reason=\"busy\"}"));
  EXPECT_EQ(depth(*views_.current()), 3);
  a.refuse_with(0);
  a.say({.queue_depth = 5});
  EXPECT_TRUE(eventually([](const View& v) { return depth(v) == 5; }));
}

TEST_F(CollectorTest, ADeadSidecarIsRefusedAndKeepsWhatIsKnown) {
  FakeSidecar a(pod_of("a"));
  a.say({.queue_depth = 3});
  take({a.dialled()});
  ASSERT_TRUE(eventually([](const View& v) { return depth(v) == 3; }));
  a.die();
  EXPECT_TRUE(eventually_says("leadline_adapter_poll_failures_total{reason=\"refused\"}"));
  EXPECT_EQ(depth(*views_.current()), 3);
}

// Headers at once, body late: the way is part of the age.
TEST_F(CollectorTest, AStalledAnswerIsOlderNotYounger) {
  test::RawListener listener;
  Pod pod = pod_of("a");
  pod.ip = "127.0.0.1";
  pod.port = listener.port();
  take({pod});
  test::RawSocket peer = listener.accept();
  static_cast<void>(peer.read_until("\r\n\r\n"));
  const std::string body = encode(*test::snapshot_of(pod, {.queue_depth = 3}));
  peer.send(
      fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nLeadline-Token: t\r\n"
                  "Leadline-Sample-Age-Ms: 0\r\nLeadline-Parked-Ms: 0\r\n\r\n",
                  body.size()));
  std::promise<void> stalled;
  thread_.call([&] { thread_.loop().call_after(milliseconds{50}, [&] { stalled.set_value(); }); });
  stalled.get_future().get();
  const SteadyTime before_body = system_now().steady;
  peer.send(body);
  ASSERT_TRUE(eventually([](const View& v) { return depth(v) == 3; }));
  EXPECT_LT(views_.current()->states[0].sampled_at, before_body - milliseconds{25});
}

TEST_F(CollectorTest, IsReadyWhenEachReadyPodOfTheStartWasTried) {
  FakeSidecar a(pod_of("a"));
  FakeSidecar dead(pod_of("b"));
  const Pod gone = dead.dialled();
  dead.die();
  Pod loading = pod_of("c");
  loading.ready = false;
  EXPECT_FALSE(collector_->tried_all());
  take({a.dialled(), gone, loading});
  EXPECT_TRUE(eventually([](const View& view) { return view.complete; }));
  EXPECT_TRUE(collector_->tried_all());
  EXPECT_NE(views_.current()->states[0].snapshot, nullptr);
}

TEST_F(CollectorTest, ASilentSidecarHoldsReadinessBack) {
  test::RawListener silent;  // accepts, never answers
  Pod pod = pod_of("a");
  pod.ip = "127.0.0.1";
  pod.port = silent.port();
  take({pod});
  test::RawSocket peer = silent.accept();
  static_cast<void>(peer.read_until("\r\n\r\n"));
  EXPECT_FALSE(collector_->tried_all());
  EXPECT_FALSE(views_.current()->complete);
  EXPECT_TRUE(eventually([](const View& view) { return view.complete; }));  // 5 s later
  EXPECT_TRUE(collector_->tried_all());
}

TEST_F(CollectorTest, NobodyWaitsForAPodThatIsBeingDeleted) {
  test::RawListener silent;
  Pod pod = pod_of("a");
  pod.ip = "127.0.0.1";
  pod.port = silent.port();
  take({pod});
  EXPECT_FALSE(views_.current()->complete);
  pod.deleting = true;
  take({pod});
  EXPECT_TRUE(views_.current()->complete);
}

TEST_F(CollectorTest, APodThatAppearsReadyWasSeenBecomingSo) {
  FakeSidecar a(pod_of("a"));
  FakeSidecar b(pod_of("b"));
  take({a.dialled()});
  take({a.dialled(), b.dialled()});
  ASSERT_TRUE(eventually([](const View& v) { return depth(v, 1) == 0; }));
  const auto view = views_.current();
  EXPECT_FALSE(view->states[0].seen_becoming_ready);
  ASSERT_TRUE(view->states[1].seen_becoming_ready);
  EXPECT_NE(view->states[1].signals_seen & 1U << index_of(Signal::kQueueDepth), 0U);
  EXPECT_EQ(view->states[1].signals_seen & 1U << index_of(Signal::kQueueTokens), 0U);
}

TEST_F(CollectorTest, APodThatBecomesReadyGivesAnew) {
  FakeSidecar a(pod_of("a"));
  Pod loading = a.dialled();
  loading.ready = false;
  take({loading});
  ASSERT_TRUE(eventually([](const View& v) { return depth(v) == 0; }));
  EXPECT_FALSE(views_.current()->states[0].seen_becoming_ready);
  take({a.dialled()});
  const auto view = views_.current();
  ASSERT_TRUE(view->states[0].seen_becoming_ready);
  EXPECT_NE(view->states[0].signals_seen & 1U << index_of(Signal::kQueueDepth), 0U);
}

TEST_F(CollectorTest, APodThatLeavesIsNoLongerDialled) {
  FakeSidecar a(pod_of("a"));
  FakeSidecar b(pod_of("b"));
  take({a.dialled(), b.dialled()});
  ASSERT_TRUE(eventually([](const View& v) { return depth(v, 0) == 0 && depth(v, 1) == 0; }));
  Pod deleting = a.dialled();
  deleting.deleting = true;
  take({deleting});
  EXPECT_EQ(views_.current()->states.size(), 1U);
  EXPECT_TRUE(views_.current()->index->in_namespace("ns").empty());
  EXPECT_TRUE(test::eventually(thread_, [&] { return a.connections() + b.connections() == 0; }));
}

TEST_F(CollectorTest, ModelsThatASelectorCannotTellApartAreCountedOnce) {
  FakeSidecar a(pod_of("a"));
  FakeSidecar b(pod_of("b"));
  a.say({.model = "x/y"});
  b.say({.queue_depth = 1, .model = "x:y"});
  take({a.dialled(), b.dialled()});
  ASSERT_TRUE(eventually([](const View& v) { return depth(v, 0) == 0 && depth(v, 1) == 1; }));
  b.say({.queue_depth = 2, .model = "x:y"});
  ASSERT_TRUE(eventually([](const View& v) { return depth(v, 1) == 2; }));
  EXPECT_NE(metrics_.text({}).find("leadline_adapter_label_collisions_total 1"), std::string::npos);
}

TEST_F(CollectorTest, AQuickFleetIsPublishedAtMostTwentyTimesASecond) {
  std::vector<std::unique_ptr<FakeSidecar>> fleet;
  std::vector<Pod> pods;
  for (int i = 0; i < 12; ++i) {
    fleet.push_back(std::make_unique<FakeSidecar>(pod_of(fmt::format("p{}", i))));
    pods.push_back(fleet.back()->dialled());
  }
  const SteadyTime start = system_now().steady;
  take(pods);
  ASSERT_TRUE(eventually([](const View& v) {
    return std::all_of(v.states.begin(), v.states.end(),
                       [](const PodState& state) { return state.snapshot != nullptr; });
  }));
  const auto elapsed = std::chrono::duration<double>(system_now().steady - start).count();
  const std::string text = metrics_.text({});
  const std::string name = "\nleadline_adapter_views_total ";
  const auto at = text.find(name);
  ASSERT_NE(at, std::string::npos);
  const double published = std::stod(text.substr(at + name.size()));
  EXPECT_GE(published, 2);
  EXPECT_LE(published, 2 + elapsed * 20);  // the first two at once: the list, and the first answer
}

}  // namespace
}  // namespace leadline
