// Checks 18-23: selectors and other query parameters.

#include "tests/contract/contract_rig.h"

#include <fmt/format.h>

namespace leadline::test {
namespace {

using nlohmann::json;
using Names = std::vector<std::string>;

// As kube-apiserver writes a query: everything but the unreserved, a space as `+`.
std::string in_query(std::string_view text) {
  std::string written;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.~").find(c) != std::string_view::npos;
    if (plain) {
      written += c;
    } else if (c == ' ') {
      written += '+';
    } else {
      written += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return written;
}

struct SelectorCase {
  std::string selector;
  const char* want;  // the pods' numbers, `124`; nullptr: 400
};

// Grammar and matching of kubernetes-metrics-api.md §2.3. The pods' labels: contract_rig.h.
const std::string kLong63(63, 'a');
const std::vector<SelectorCase> kSelectorCases = {
    {"", "1234"},
    {" ", "1234"},
    {"tier=a", "1"},
    {"tier==a", "1"},
    {"tier = a", "1"},
    {"\ttier\n==\ra ", "1"},
    {"tier=A", ""},
    {"tier!=a", "234"},
    {"tier in (a)", "1"},
    {"tier in (a,b)", "12"},
    {"tier in ( b , a )", "12"},
    {"tier in (a,a)", "1"},
    {"tier in ()", "4"},
    {"tier in (,a)", "14"},
    {"tier in (a,)", "14"},
    {"tier notin (a)", "234"},
    {"tier notin (a,b)", "34"},
    {"tier notin ()", "123"},
    {"tier", "124"},
    {"!tier", "3"},
    {"! tier", "3"},
    {"tier=", "4"},
    {"tier==", "4"},
    {"tier!=", "123"},
    {"tier=,app", ""},
    {"tier=,!app", "4"},
    {"app=web,tier=b", "2"},
    {"app=web,tier=b,n=3", ""},
    {"app,!tier", "3"},
    {"tier!=a,tier!=b", "34"},
    {"tier=a,tier=b", ""},
    {"n>5", "2"},
    {"n<5", "1"},
    {"n>2,n<9", "12"},
    {"n>9223372036854775807", ""},
    {"in", "3"},
    {"in in (in)", "3"},
    {"in=in", "3"},
    {"notin notin (in)", "1234"},
    {"example.com/team=ml", "3"},
    {"example.com/team", "3"},
    {"other.example.com/team", ""},
    {"app=" + kLong63, ""},
    {kLong63, ""},
    {"app=we.b-x_y", ""},

    {",", nullptr},
    {"tier=a,", nullptr},
    {",tier=a", nullptr},
    {"tier=a,,app=web", nullptr},
    {"!tier=a", nullptr},
    {"!", nullptr},
    {"=a", nullptr},
    {"tier=a b", nullptr},
    {"tier a", nullptr},
    {"tier in", nullptr},
    {"tier in a", nullptr},
    {"tier in (a", nullptr},
    {"tier in (a b)", nullptr},
    {"tier in (a))", nullptr},
    {"tier=(a)", nullptr},
    {"tier===a", nullptr},
    {"tier=!a", nullptr},
    {"n>x", nullptr},
    {"n>1.5", nullptr},
    {"n>-1", nullptr},  // an integer, but no label value: Go looks at both
    {"n>", nullptr},
    {"n<", nullptr},
    {"n>9223372036854775808", nullptr},
    {"app=a/b", nullptr},
    {"app=a:b", nullptr},
    {"app=a#b", nullptr},
    {"app=-a", nullptr},
    {"app=a-", nullptr},
    {"app=" + kLong63 + "a", nullptr},
    {kLong63 + "a", nullptr},
    {"-app", nullptr},
    {"/app", nullptr},
    {"example.com/", nullptr},
    {"Example.com/team", nullptr},
    {"a/b/c", nullptr},
    {std::string(254, 'a') + "/team", nullptr},
    {"tier in (a/b)", nullptr},
    {"tier=\xC3\xA4", nullptr},
};

// `12` for the pods p-1 and p-2.
std::string numbers_in(const ApiReply& reply) {
  const json list = reply.json();
  std::string numbers;
  if (!list.is_object() || !list.contains("items")) return "no list";
  for (const json& item : list["items"]) {
    numbers += item["describedObject"]["name"].get<std::string>().substr(2);
  }
  return numbers;
}

// Every case over one connection; `parameter` is labelSelector or metricLabelSelector.
void check_all(const std::string& parameter, ApiCaller caller) {
  ASSERT_GE(kSelectorCases.size(), 40U);
  for (const SelectorCase& each : kSelectorCases) {
    SCOPED_TRACE(fmt::format("{}=\"{}\"", parameter, each.selector));
    const ApiReply reply = caller.call(
        {.path = fmt::format("{}?{}={}", kAllPods, parameter, in_query(each.selector))});
    if (each.want == nullptr) {
      expect_status(reply, 400, "BadRequest", {"invalid " + parameter});
    } else {
      EXPECT_EQ(reply.status, 200) << reply.body;
      EXPECT_EQ(numbers_in(reply), each.want) << reply.body;
    }
  }
}

TEST_F(ContractTest, Check18LabelSelectorsMatchAsKubernetesDoes) {
  start();
  check_all("labelSelector", ApiCaller(address()));
}

TEST_F(ContractTest, Check18MetricLabelSelectorsMatchAsKubernetesDoes) {
  start();
  check_all("metricLabelSelector", ApiCaller(address()));
}

TEST_F(ContractTest, Check19PlusAndPercent20AreSpacesAndPercent2BIsAPlus) {
  start();
  const std::string spaced = kAllPods + "?labelSelector=tier";
  EXPECT_EQ(described(spaced + "+in+(a,b)"), (Names{"p-1", "p-2"}));
  EXPECT_EQ(described(spaced + "%20in%20%28a%2Cb%29"), (Names{"p-1", "p-2"}));
  EXPECT_EQ(described(spaced + "%3D+a"), Names{"p-1"});
  EXPECT_EQ(described(spaced + "%3D%20a"), Names{"p-1"});
  for (const char* parameter : {"labelSelector", "metricLabelSelector"}) {
    const std::string path = kAllPods + "?" + parameter + "=tier%3D%2Ba";
    expect_status(get(path), 400, "BadRequest");
  }
}

TEST_F(ContractTest, Check20ASlashInAValueIs400) {
  start();
  for (const std::string& path : {kAllPods, kQueueOfAll}) {
    expect_status(get(path + "?labelSelector=model%3Dmeta-llama%2FLlama-3-8B"), 400, "BadRequest",
                  {"meta-llama/Llama-3-8B"});
  }
  // What a selector can say of that model.
  EXPECT_EQ(only_item(kQueueOfAll + "?labelSelector=model%3Dmeta-llama.Llama-3-8B")["value"], "26");
}

TEST_F(ContractTest, Check21AnOrderingIsEvaluatedAndEchoedAsNull) {
  start();
  const std::string asked = "/namespaces/ns/pods/%2A/queue_depth?metricLabelSelector=n%3E5";
  const json old = only_item(kV1beta1 + asked);
  EXPECT_EQ(old["describedObject"]["name"], "p-2");
  EXPECT_TRUE(old.contains("selector") && old["selector"].is_null()) << old.dump();
  const json item = only_item(kV1beta2 + asked);
  EXPECT_EQ(item["describedObject"]["name"], "p-2");
  EXPECT_TRUE(item["metric"].contains("selector") && item["metric"]["selector"].is_null());
  // What a metav1.LabelSelector can say is echoed.
  const json equal = only_item(
      kV1beta1 +
      "/namespaces/ns/pods/%2A/queue_depth?metricLabelSelector=tier%3Da,app%20in%20(web)");
  EXPECT_EQ(equal["selector"],
            (json{{"matchLabels", {{"tier", "a"}}},
                  {"matchExpressions",
                   {{{"key", "app"}, {"operator", "In"}, {"values", json::array({"web"})}}}}}));
}

TEST_F(ContractTest, Check22LabelSelectorIsIgnoredForANamedObject) {
  start();
  const std::string no_match = "?labelSelector=tier%3Dnone";
  EXPECT_EQ(only_item(kOnePod + no_match)["value"], "3");
  EXPECT_EQ(only_item(kV1beta1 + "/nodes/n1/queue_depth" + no_match)["value"], "10");
  EXPECT_EQ(only_item(kV1beta1 + "/namespaces/ns/metrics/queue_depth" + no_match)["value"], "26");
}

TEST_F(ContractTest, Check23OtherParametersAreIgnored) {
  start();
  const std::string others =
      "?limit=1&continue=abc&timeout=32s&timeoutSeconds=5&resourceVersion=0&bogus=1&=&a=%zz&b;c=d"
      "&fieldSelector=";
  EXPECT_EQ(described(kAllPods + others), (Names{"p-1", "p-2", "p-3", "p-4"}));
  EXPECT_EQ(described(kAllPods + "?watch=true"), (Names{"p-1", "p-2", "p-3", "p-4"}));
  EXPECT_EQ(only_item(kOnePod + others)["value"], "3");
  EXPECT_EQ(only_item(kQueueOfAll + others)["value"], "26");
  EXPECT_EQ(described(kAllPods + "?labelSelector=tier%3Da&labelSelector=tier%3Db"), Names{"p-1"})
      << "of a repeated parameter the first value counts";
  // The HPA writes its pods' whole selector into the request line: 16 KiB must pass.
  EXPECT_EQ(described(kAllPods + "?labelSelector=tier%3Da&filler=" + std::string(16 * 1024, 'x')),
            Names{"p-1"});
}

}  // namespace
}  // namespace leadline::test
