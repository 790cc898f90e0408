#include "adapter/kube/watch.h"

#include <mutex>
#include <set>

#include <gtest/gtest.h>

#include "adapter/kube/objects.h"
#include "adapter/kube/pods.h"
#include "tests/unit/adapter/kube/stub_kube.h"
#include "tests/unit/adapter/kube/waiting.h"
#include "tests/unit/daemon/raw_socket.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using test::kPodsPath;
using test::StubKube;
using test::StubReply;
using test::StubRequest;
using Names = std::set<std::string>;

json pod(const std::string& name) {
  return {{"metadata", {{"name", name}, {"namespace", "ns"}}}};
}

std::string error_event(int code) {
  return json{{"type", "ERROR"}, {"object", {{"kind", "Status"}, {"code", code}}}}.dump() + "\n";
}

class KubeWatchTest : public testing::Test, protected test::Waiting {
 protected:
  KubeWatchTest() { stub_ = std::make_unique<StubKube>(); }

 public:
  ~KubeWatchTest() override {
    if (client_ != nullptr) client_->stop();
    stub_.reset();  // its script looks at what is below
  }

 protected:
  void start(KubeCollection collection = {"pods", kPodsPath, {}}) {
    client_ = std::move(*KubeClient::start({.server = stub_->url()}));
    watch_ = std::make_unique<KubeWatch>(*client_, std::move(collection), events(), metrics_);
    watch_->start();
  }

  KubeEvents events() {
    const auto locked = [this](auto work) {
      return [this, work](auto&&... object) {
        const std::lock_guard lock(mutex_);
        work(object...);
      };
    };
    return {.begin_list = locked([this] { mirror_.begin_list(); }),
            .upsert = locked([this](const json& object) {
              mirror_.put(object_key(object), version_of(object));
            }),
            .remove = locked([this](const json& object) { mirror_.drop(object_key(object)); }),
            .end_list = locked([this] {
              mirror_.end_list();
              ++lists_;
            })};
  }

  static std::string version_of(const json& object) {
    return text_at(object, {"metadata", "resourceVersion"});
  }

  Names names() {
    const std::lock_guard lock(mutex_);
    Names found;
    for (const auto& [key, version] : mirror_.objects()) found.insert(key);
    return found;
  }
  int lists() {
    const std::lock_guard lock(mutex_);
    return lists_;
  }
  bool becomes(const Names& want) {
    return eventually([&] { return names() == want; });
  }
  bool watches() {
    return eventually([this] { return stub_->open_watches(kPodsPath) == 1; });
  }
  // What the self metrics say behind `name{resource="pods"…}`.
  std::string metric(const std::string& name) {
    const std::string page = "\n" + metrics_.text({});
    const auto at = page.find("\n" + name + " ");
    if (at == std::string::npos) return "absent";
    const auto begin = at + name.size() + 2;
    return page.substr(begin, page.find('\n', begin) - begin);
  }
  bool follows(const char* want) {
    return eventually([&] {
      return metric(R"(leadline_adapter_kube_watch_following{resource="pods"})") == want;
    });
  }
  std::string counted(const std::string& outcome) {
    return metric(R"(leadline_adapter_kube_watch_total{outcome=")" + outcome +
                  R"(",resource="pods"})");
  }
  std::vector<StubRequest> asked(bool watching) {
    std::vector<StubRequest> found;
    for (StubRequest& request : stub_->requests()) {
      if (request.path == kPodsPath && request.is_watch() == watching)
        found.push_back(std::move(request));
    }
    return found;
  }

  std::unique_ptr<StubKube> stub_;
  SelfMetrics metrics_;
  std::mutex mutex_;
  KubeMirror<std::string> mirror_;
  int lists_ = 0;
  std::unique_ptr<KubeClient> client_;
  std::unique_ptr<KubeWatch> watch_;
};

TEST_F(KubeWatchTest, ListsInPagesThenWatchesFromTheirVersion) {
  Names want;
  for (int i = 0; i < 450; ++i) {
    stub_->put(kPodsPath, pod("p-" + std::to_string(i)));
    want.insert("ns/p-" + std::to_string(i));
  }
  start();
  EXPECT_TRUE(becomes(want));
  ASSERT_TRUE(watches());
  const auto lists = asked(false);
  ASSERT_EQ(lists.size(), 3U);
  for (const StubRequest& list : lists) EXPECT_EQ(list.query.at("limit"), "200");
  EXPECT_FALSE(lists[0].query.contains("continue"));
  EXPECT_TRUE(lists[2].query.contains("continue"));
  const auto watch = asked(true).at(0).query;
  EXPECT_EQ(watch.at("resourceVersion"), "550");
  EXPECT_EQ(watch.at("allowWatchBookmarks"), "true");
  const int length = std::stoi(watch.at("timeoutSeconds"));
  EXPECT_TRUE(length >= 240 && length <= 360) << length;
  EXPECT_TRUE(follows("1"));
  EXPECT_EQ(counted("listed"), "1");
}

TEST_F(KubeWatchTest, FollowsEveryChange) {
  stub_->put(kPodsPath, pod("a"));
  start();
  ASSERT_TRUE(becomes({"ns/a"}));
  stub_->put(kPodsPath, pod("b"));
  EXPECT_TRUE(becomes({"ns/a", "ns/b"}));
  stub_->remove(kPodsPath, "ns/a");
  EXPECT_TRUE(becomes({"ns/b"}));
  stub_->put(kPodsPath, pod("b"));
  EXPECT_TRUE(eventually([this] { return counted("event") == "3"; }));
  EXPECT_EQ(lists(), 1);
}

TEST_F(KubeWatchTest, AFieldSelectorIsAskedForInBoth) {
  stub_->put(kPodsPath, pod("a"));
  stub_->put(kPodsPath, pod("b"));
  start({"pods", kPodsPath, "metadata.name=b"});
  EXPECT_TRUE(becomes({"ns/b"}));
  ASSERT_TRUE(watches());
  EXPECT_EQ(asked(false).at(0).query.at("fieldSelector"), "metadata.name=b");
  EXPECT_EQ(asked(true).at(0).query.at("fieldSelector"), "metadata.name=b");
}

TEST_F(KubeWatchTest, ABookmarkAdvancesTheVersion) {
  stub_->put(kPodsPath, pod("a"));
  start();
  ASSERT_TRUE(watches());
  const std::string version = stub_->bookmark(kPodsPath);
  ASSERT_TRUE(eventually([this] { return counted("bookmark") == "1"; }));
  EXPECT_EQ(names(), Names{"ns/a"}) << "a bookmark is no object";
  stub_->cut_watches();
  ASSERT_TRUE(eventually([this] { return asked(true).size() == 2; }));
  EXPECT_EQ(asked(true).back().query.at("resourceVersion"), version);
  EXPECT_EQ(lists(), 1);
}

TEST_F(KubeWatchTest, ACutWatchMissesNothing) {
  start();
  ASSERT_TRUE(watches());
  stub_->set_script([](const StubRequest&) -> std::optional<StubReply> {
    return StubReply{.status = 503, .body = "{}", .headers = {}};
  });
  stub_->cut_watches();
  EXPECT_TRUE(follows("0"));
  stub_->put(kPodsPath, pod("meanwhile"));
  stub_->set_script(nullptr);
  EXPECT_TRUE(becomes({"ns/meanwhile"}));
  EXPECT_TRUE(follows("1"));
  EXPECT_EQ(lists(), 1) << "what happened meanwhile came from the watch";
}

TEST_F(KubeWatchTest, A410OfAWatchMeansANewList) {
  stub_->put(kPodsPath, pod("old"));
  start();
  ASSERT_TRUE(becomes({"ns/old"}));
  ASSERT_TRUE(watches());
  stub_->set_script([this](const StubRequest& request) -> std::optional<StubReply> {
    if (!request.is_watch() || lists() > 1) return std::nullopt;
    return StubReply{.status = 410, .body = R"({"code":410})", .headers = {}};
  });
  stub_->cut_watches();
  stub_->remove(kPodsPath, "ns/old");
  stub_->put(kPodsPath, pod("new"));
  EXPECT_TRUE(becomes({"ns/new"}));
  EXPECT_EQ(lists(), 2);
  EXPECT_NE(counted("gone"), "absent");
}

TEST_F(KubeWatchTest, A410InAnEventMeansANewList) {
  stub_->put(kPodsPath, pod("a"));
  start();
  ASSERT_TRUE(becomes({"ns/a"}));
  ASSERT_TRUE(watches());
  stub_->emit(kPodsPath, error_event(410));
  stub_->end_watches();
  EXPECT_TRUE(eventually([this] { return lists() == 2; }));
  EXPECT_EQ(counted("error"), "1");
  EXPECT_EQ(names(), Names{"ns/a"});
}

// A server that calls every version gone is asked ever more rarely.
TEST_F(KubeWatchTest, EndlessGoneIsNoEndlessListing) {
  stub_->set_script([](const StubRequest& request) -> std::optional<StubReply> {
    if (!request.is_watch()) return std::nullopt;
    return StubReply{.status = 410, .body = R"({"code":410})", .headers = {}};
  });
  start();
  ASSERT_TRUE(eventually([this] { return lists() >= 2; }));
  EXPECT_TRUE(stays(milliseconds{500}, [this] { return lists() <= 5; })) << lists();
}

TEST_F(KubeWatchTest, A410OfAPageBeginsAnew) {
  for (int i = 0; i < 250; ++i) stub_->put(kPodsPath, pod("p-" + std::to_string(i)));
  const auto refused = std::make_shared<std::atomic<int>>(0);
  stub_->set_script([=](const StubRequest& request) -> std::optional<StubReply> {
    if (!request.query.contains("continue") || (*refused)++ > 0) return std::nullopt;
    return StubReply{.status = 410, .body = R"({"code":410})", .headers = {}};
  });
  start();
  EXPECT_TRUE(eventually([this] { return names().size() == 250; }));
  EXPECT_EQ(asked(false).size(), 4U) << "two pages, twice";
  EXPECT_EQ(lists(), 1);
}

TEST_F(KubeWatchTest, AnotherErrorEventGoesOnWhereItWas) {
  stub_->put(kPodsPath, pod("a"));
  start();
  ASSERT_TRUE(watches());
  stub_->emit(kPodsPath, error_event(500));
  stub_->end_watches();
  stub_->put(kPodsPath, pod("b"));
  EXPECT_TRUE(becomes({"ns/a", "ns/b"}));
  EXPECT_EQ(lists(), 1);
}

TEST_F(KubeWatchTest, AWatchThatEndsAtOncePauses) {
  start();
  ASSERT_TRUE(watches());
  stub_->set_script([](const StubRequest& request) -> std::optional<StubReply> {
    if (!request.is_watch()) return std::nullopt;
    return StubReply{.status = 200, .body = "", .headers = {}};
  });
  stub_->end_watches();
  ASSERT_TRUE(eventually([this] { return asked(true).size() >= 2; }));
  EXPECT_TRUE(stays(milliseconds{500}, [this] { return asked(true).size() <= 5; }))
      << asked(true).size();
  EXPECT_TRUE(follows("0"));
  EXPECT_EQ(lists(), 1);
}

TEST_F(KubeWatchTest, AServerThatWasGoneIsFollowedAgain) {
  stub_->put(kPodsPath, pod("a"));
  start();
  ASSERT_TRUE(becomes({"ns/a"}));
  EXPECT_TRUE(follows("1"));
  testing::internal::CaptureStderr();
  const auto port = stub_->port();
  stub_.reset();
  EXPECT_TRUE(follows("0"));
  EXPECT_EQ(names(), Names{"ns/a"}) << "nothing is forgotten meanwhile";
  ASSERT_TRUE(eventually([this] { return std::stoi(counted("failed")) >= 2; }));
  stub_ = std::make_unique<StubKube>(std::nullopt, port);
  for (int i = 0; i < 2; ++i) stub_->put(kPodsPath, pod("b"));  // the stub's versions begin anew
  EXPECT_TRUE(follows("1"));
  EXPECT_TRUE(eventually([this] { return names().contains("ns/b"); }));
  client_->stop();
  const std::string log = testing::internal::GetCapturedStderr();
  const auto lines = [&log](std::string_view text) {
    int found = 0;
    for (std::size_t at = 0; (at = log.find(text, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  EXPECT_EQ(lines("kube API is not followed resource=pods"), 1) << log;
  EXPECT_EQ(lines("kube API is followed again resource=pods"), 1) << log;
}

TEST_F(KubeWatchTest, AServerThatIsNotThereYetIsWaitedFor) {
  const auto port = stub_->port();
  const std::string url = stub_->url();
  stub_.reset();
  client_ = std::move(*KubeClient::start({.server = url}));
  watch_ = std::make_unique<KubeWatch>(*client_, KubeCollection{"pods", kPodsPath, {}}, events(),
                                       metrics_);
  watch_->start();
  EXPECT_TRUE(eventually([this] { return counted("failed") != "absent"; }));
  EXPECT_TRUE(follows("0"));
  stub_ = std::make_unique<StubKube>(std::nullopt, port);
  stub_->put(kPodsPath, pod("a"));
  EXPECT_TRUE(becomes({"ns/a"}));
}

TEST_F(KubeWatchTest, GarbageLinesAreCountedAndSurvived) {
  start();
  ASSERT_TRUE(watches());
  for (const char* line :
       {"nonsense\n", "{}\n", "[]\n", "{\"type\":\"ADDED\"}\n", "{\"type\":5,\"object\":5}\n",
        "\xff\xfe\n", "{\"type\":\"ADDED\",\"obj", "\n"})
    stub_->emit(kPodsPath, line);
  stub_->put(kPodsPath, pod("a"));
  EXPECT_TRUE(becomes({"ns/a"}));
  EXPECT_EQ(counted("unreadable"), "7");
  EXPECT_EQ(lists(), 1);
}

TEST_F(KubeWatchTest, ALineOverTheBoundIsNotKept) {
  start();
  ASSERT_TRUE(watches());
  const std::string mebibyte(1024 * 1024, 'x');
  for (int i = 0; i < 5; ++i) stub_->emit(kPodsPath, mebibyte);
  EXPECT_TRUE(eventually([this] { return counted("failed") == "1"; }));
  stub_->put(kPodsPath, pod("a"));
  EXPECT_TRUE(becomes({"ns/a"}));
}

TEST_F(KubeWatchTest, AListThatIsNoneIsAskedForAgain) {
  const auto broken = std::make_shared<std::atomic<int>>(0);
  stub_->put(kPodsPath, pod("a"));
  stub_->set_script([=](const StubRequest& request) -> std::optional<StubReply> {
    if (request.is_watch() || (*broken)++ > 0) return std::nullopt;
    return StubReply{.status = 200, .body = R"({"items": 5})", .headers = {}};
  });
  start();
  EXPECT_TRUE(becomes({"ns/a"}));
}

TEST_F(KubeWatchTest, RetryAfterIsWaitedFor) {
  const auto refused = std::make_shared<std::atomic<int>>(0);
  stub_->set_script([=](const StubRequest&) -> std::optional<StubReply> {
    if ((*refused)++ > 0) return std::nullopt;
    return StubReply{.status = 429, .body = "{}", .headers = {{"Retry-After", "2"}}};
  });
  start();
  ASSERT_TRUE(eventually([this] { return asked(false).size() == 1; }));
  EXPECT_TRUE(stays(milliseconds{1'000}, [this] { return asked(false).size() == 1; }));
  EXPECT_TRUE(eventually([this] { return lists() == 1; }));
}

TEST_F(KubeWatchTest, StoppingInTheMiddleOfAnythingIsQuiet) {
  for (const bool hanging : {true, false}) {
    if (hanging) stub_->hang(kPodsPath);
    start();
    ASSERT_TRUE(eventually([this] { return !asked(false).empty(); }));
    if (!hanging) {
      ASSERT_TRUE(watches());
    }
    client_->stop();
    client_.reset();
    watch_.reset();
    stub_->hang("");
  }
}

}  // namespace
}  // namespace leadline
