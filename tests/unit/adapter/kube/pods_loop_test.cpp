#include <mutex>

#include <gtest/gtest.h>

#include "adapter/kube/pods.h"
#include "tests/unit/adapter/kube/stub_kube.h"
#include "tests/unit/adapter/kube/waiting.h"

namespace leadline {
namespace {

using nlohmann::json;
using test::kNodesPath;
using test::kPodsPath;
using test::kServicesPath;

json pod(const std::string& name, const char* env = "prod") {
  return {{"metadata", {{"name", name}, {"namespace", "ns"}, {"labels", {{"env", env}}}}},
          {"spec",
           {{"containers",
             {{{"ports", {{{"name", "leadline"}, {"containerPort", 9733}}}},
               {"env", {{{"name", "A"}}}}}}}}},
          {"status",
           {{"phase", "Running"},
            {"podIP", "10.0.0.1"},
            {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}};
}

class KubePodsTest : public testing::Test, protected test::Waiting {
 protected:
  KubePodsTest()
      : client_(std::move(*KubeClient::start({.server = stub_.url()}))),
        pods_(*client_, loop_.loop(), metrics_) {}

 public:
  ~KubePodsTest() override {
    client_->stop();
    loop_.call([] {});
  }

 protected:
  void start() {
    loop_.call([this] {
      pods_.start([this](const std::shared_ptr<const PodList>& list) {
        const std::lock_guard lock(mutex_);
        list_ = list;
        ++published_;
      });
    });
  }
  std::string names() {
    const std::lock_guard lock(mutex_);
    std::string text;
    if (list_ == nullptr) return "nothing";
    for (const Pod& one : list_->pods) text += one.name + (one.deleting ? "-deleting " : " ");
    return text;
  }
  int published() {
    const std::lock_guard lock(mutex_);
    return published_;
  }

  test::StubKube stub_;
  test::LoopThread loop_;
  SelfMetrics metrics_;
  std::mutex mutex_;
  std::shared_ptr<const PodList> list_;
  int published_ = 0;
  std::unique_ptr<KubeClient> client_;
  KubePods pods_;
};

TEST_F(KubePodsTest, PublishesOnceAllThreeAreListed) {
  stub_.put(kPodsPath, pod("a"));
  stub_.hang(kNodesPath);
  start();
  ASSERT_TRUE(eventually([this] { return stub_.open_watches(kPodsPath) == 1; }));
  EXPECT_FALSE(pods_.listed());
  EXPECT_EQ(names(), "nothing");
  stub_.hang("");
  EXPECT_TRUE(eventually([this] { return names() == "a "; }));
  EXPECT_TRUE(pods_.listed());
  EXPECT_EQ(list_->pods[0].labels, (Labels{{"env", "prod"}}));
}

TEST_F(KubePodsTest, AnEmptyClusterIsAListToo) {
  start();
  EXPECT_TRUE(eventually([this] { return names().empty(); }));
  EXPECT_TRUE(pods_.listed());
}

TEST_F(KubePodsTest, DeletionAndTheEndTakeEffect) {
  for (const char* name : {"a", "b", "c"}) stub_.put(kPodsPath, pod(name));
  start();
  ASSERT_TRUE(eventually([this] { return names() == "a b c "; }));
  json leaving = pod("a");
  leaving["metadata"]["deletionTimestamp"] = "2026-08-20T10:00:00Z";
  stub_.put(kPodsPath, leaving);
  EXPECT_TRUE(eventually([this] { return names() == "a-deleting b c "; }));
  json done = pod("b");
  done["status"]["phase"] = "Succeeded";
  stub_.put(kPodsPath, done);
  stub_.remove(kPodsPath, "ns/a");
  EXPECT_TRUE(eventually([this] { return names() == "c "; }));
}

TEST_F(KubePodsTest, ABurstOfChangesIsPublishedTogether) {
  start();
  ASSERT_TRUE(eventually([this] { return pods_.listed(); }));
  const int before = published();
  for (int i = 0; i < 500; ++i) stub_.put(kPodsPath, pod("p", std::to_string(i).c_str()));
  stub_.put(kPodsPath, pod("z"));
  EXPECT_TRUE(eventually([this] { return names() == "p z "; }));
  EXPECT_LT(published() - before, 250);
}

}  // namespace
}  // namespace leadline
