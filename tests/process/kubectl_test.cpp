// Check 66 of kubernetes-metrics-api.md §8 and the kubectl half of 61: a real kubectl, whose
// client-go is also the HPA controller's, against the real adapter, sidecars and stand-in engines.
//
// kubectl must be 1.27 or newer: the one on PATH, or what `./dev test` built into .cache/bin.
// Without one these tests fail: nobody else would notice that people cannot use the API.

#include <stdio.h>
#include <sys/wait.h>

#include <charconv>
#include <filesystem>
#include <regex>
#include <stdexcept>

#include <gtest/gtest.h>

#include "demo/hold.h"
#include "tests/process/rig.h"
#include "tests/text_of.h"

namespace leadline {
namespace {

using nlohmann::json;

constexpr int kOldestMinor = 27;

struct Ran {
  int exit_code = -1;
  std::string out, err;
};

// Runs a line of shell, for a minute at most.
Ran run(const std::string& line, const WorkFolder& folder) {
  const std::string errors = folder.file("stderr");
  // NOLINTNEXTLINE(bugprone-command-processor): what people type is what is tested.
  FILE* pipe = ::popen(fmt::format("timeout 60 {} 2>'{}'", line, errors).c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot start a shell");
  Ran ran;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) ran.out += static_cast<char>(c);
  const int status = ::pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  ran.err = text_of(errors);
  return ran;
}

// The minor version of the client, 0 where there is none.
int minor_of(const std::string& kubectl, const WorkFolder& folder) {
  const Ran ran = run(kubectl + " version --client -o json", folder);
  const json version = json::parse(ran.out, nullptr, false);
  if (!version.is_object() || !version.contains("clientVersion")) return 0;
  const std::string text = version["clientVersion"].value("minor", "0");  // `32+` on some
  int minor = 0;
  std::from_chars(text.data(), text.data() + text.size(), minor);
  return minor;
}

// Two pods that have 3 and 5 requests waiting.
class KubectlTest : public testing::Test {
 protected:
  void SetUp() override {
    kubectl_ = found();
    ASSERT_NE(kubectl_, "") << "no kubectl of at least 1." << kOldestMinor
                            << " on PATH or in .cache/bin: `./dev test` builds one";
    for (const auto& [name, waiting] : {std::pair{"llm-a", 3}, {"llm-b", 5}}) {
      Rig::Pod& pod = rig_.add_pod({.name = name});
      ASSERT_TRUE(Rig::eventually(
          [&] { return !Rig::fetch(pod.address, Rig::kEnginePort, "/metrics").empty(); }));
      Rig::mark(pod, {{"waiting", waiting}, {"running", 1}});
    }
    rig_.start_adapter();
    ASSERT_TRUE(Rig::eventually([&] {
      return rig_.value_of(rig_.workload_path("queue_depth")) == 8;
    })) << rig_.ask(rig_.workload_path("queue_depth")).body
        << rig_.adapter_log();
    ASSERT_TRUE(rig_.folder().write("kubeconfig", kubeconfig_for(rig_.adapter())));
  }

  [[nodiscard]] std::string found() const {
    for (const char* kubectl : {"kubectl", LEADLINE_SOURCE_DIR "/.cache/bin/kubectl"}) {
      if (minor_of(kubectl, rig_.folder()) >= kOldestMinor) return kubectl;
    }
    return "";
  }

  [[nodiscard]] Ran kubectl(const std::string& arguments) const {
    return run(
        fmt::format("{} --kubeconfig '{}' --cache-dir '{}' {}", kubectl_,
                    rig_.folder().file("kubeconfig"), rig_.folder().file("cache"), arguments),
        rig_.folder());
  }

  // The JSON that it prints; fails the test where it complains.
  [[nodiscard]] json printed(const std::string& arguments) const {
    const Ran ran = kubectl(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.err, "") << arguments;
    return json::parse(ran.out, nullptr, false);
  }

  std::string kubectl_;
  Rig rig_;
};

TEST_F(KubectlTest, Check66GetRawAnswersCustomMetricsInBothVersions) {
  for (const char* version : {"v1beta1", "v1beta2"}) {
    const json list = printed(
        fmt::format("get --raw '/apis/custom.metrics.k8s.io/{}/namespaces/demo/pods/%2A/queue_depth"
                    "?labelSelector=app%3Dllm'",
                    version));
    ASSERT_TRUE(list.is_object() && list["items"].is_array());
    EXPECT_EQ(list["kind"], "MetricValueList");
    EXPECT_EQ(list["apiVersion"], fmt::format("custom.metrics.k8s.io/{}", version));
    ASSERT_EQ(list["items"].size(), 2U);
    EXPECT_EQ(list["items"][0]["describedObject"]["name"], "llm-a");
    EXPECT_EQ(list["items"][0]["value"], "3");
    EXPECT_EQ(list["items"][1]["value"], "5");
  }
  const json workload = printed("get --raw '" + rig_.workload_path("in_flight_requests") + "'");
  ASSERT_EQ(workload["items"].size(), 1U);
  EXPECT_EQ(workload["items"][0]["value"], "10");
}

TEST_F(KubectlTest, Check66GetRawAnswersExternalMetrics) {
  const json list = printed("get --raw '" + rig_.external_path("queue_depth", "app%3Dllm") + "'");
  EXPECT_EQ(list["kind"], "ExternalMetricValueList");
  ASSERT_EQ(list["items"].size(), 1U);
  EXPECT_EQ(list["items"][0]["metricName"], "queue_depth");
  EXPECT_EQ(list["items"][0]["metricLabels"]["app"], "llm");
  EXPECT_EQ(list["items"][0]["value"], "8");
}

TEST_F(KubectlTest, Check61GetPrintsATableOfAnExternalMetric) {
  const Ran ran = kubectl("get queue_depth -n demo -l 'app in (llm,other),!retired'");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_TRUE(std::regex_search(ran.out, std::regex("^NAME +LABELS +VALUE +WINDOW +AGE *\n")))
      << ran.out;
  EXPECT_TRUE(std::regex_search(
      ran.out, std::regex("\nqueue_depth +\\S*app=llm\\S* +8 +<none> +[0-9]+s *\n")))
      << ran.out;
  const Ran nothing = kubectl("get queue_depth -n elsewhere");
  EXPECT_EQ(nothing.exit_code, 0) << nothing.err;
  EXPECT_NE(nothing.err.find("No resources found in elsewhere namespace."), std::string::npos)
      << nothing.err;
}

TEST_F(KubectlTest, Check66ApiResourcesListsExternalMetricsWithoutComplaint) {
  const Ran ran = kubectl("api-resources");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_TRUE(
      std::regex_search(ran.out, std::regex("\nqueue_depth +external.metrics.k8s.io/v1beta1 +true "
                                            "+ExternalMetricValueList_queue_depth *\n")))
      << ran.out;
  const Ran versions = kubectl("api-versions");
  EXPECT_EQ(versions.exit_code, 0) << versions.err;
  EXPECT_EQ(versions.out,
            "custom.metrics.k8s.io/v1beta1\ncustom.metrics.k8s.io/v1beta2\n"
            "external.metrics.k8s.io/v1beta1\n");
}

TEST_F(KubectlTest, Check66VersionNamesTheServersVersion) {
  // It warns that our version is far from its own, which is so.
  const Ran version = kubectl("version -o json");
  EXPECT_EQ(version.exit_code, 0) << version.err;
  EXPECT_EQ(json::parse(version.out, nullptr, false)["serverVersion"]["gitVersion"],
            "v" LEADLINE_VERSION);
  const Ran ran = kubectl("version");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find("Server Version: v" LEADLINE_VERSION), std::string::npos) << ran.out;
}

TEST_F(KubectlTest, Check66ErrorsReachThePersonWithOurWords) {
  const auto f = [this](const std::string& arguments, const std::string& words) {
    const Ran ran = kubectl(arguments);
    EXPECT_EQ(ran.exit_code, 1) << arguments;
    EXPECT_EQ(ran.out, "") << arguments;
    EXPECT_NE(ran.err.find(words), std::string::npos) << arguments << "\n" << ran.err;
  };
  f("get --raw '" + rig_.pods_path("nosuch") + "'",
    "Error from server (NotFound): the server could not find the metric nosuch for pods");
  f("get --raw /apis/custom.metrics.k8s.io/v1beta1/namespaces/demo/pods/absent/queue_depth",
    "Error from server (NotFound): the server could not find the metric queue_depth for pods "
    "absent");
  f("get --raw '" + rig_.external_path("nosuch", "") + "'",
    "Error from server (NotFound): the server could not find the metric nosuch");
  f("get --raw '" + rig_.external_path("queue_depth", "model%3Da%2Fb") + "'",
    "Error from server (BadRequest): invalid labelSelector");
  f("get nosuch -n demo", R"(the server doesn't have a resource type "nosuch")");
  f("--token wrong get --raw /apis", "Unauthorized");
}

}  // namespace
}  // namespace leadline
