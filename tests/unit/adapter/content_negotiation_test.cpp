#include "adapter/content_negotiation.h"

#include <string>

#include <gtest/gtest.h>

namespace leadline {
namespace {

constexpr std::string_view kV2 =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
constexpr std::string_view kV2beta1 =
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
constexpr std::string_view kKubectl =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/"
    "json;as=Table;v=v1beta1;g=meta.k8s.io,"
    "application/json";

TEST(ContentNegotiationTest, DiscoveryTriesClausesInTheClientsOrder) {
  const auto f = [](const std::string& accept, std::string_view want) {
    SCOPED_TRACE(accept);
    const auto format = negotiate_discovery(accept);
    EXPECT_EQ(format ? content_type_of(*format) : "406", want);
  };
  const std::string v2(kV2);
  const std::string v2beta1(kV2beta1);
  f("", "application/json");
  f("application/json", "application/json");
  f("*/*", "application/json");
  f("application/*", "application/json");
  f("APPLICATION/JSON", "application/json");
  f(v2, kV2);
  f(v2beta1, kV2beta1);
  f(v2 + "," + v2beta1 + ",application/json", kV2);
  f(v2beta1 + "," + v2, kV2beta1);
  f("application/json, " + v2, "application/json");
  f("application/json; as=APIGroupDiscoveryList; v=v2; g=apidiscovery.k8s.io", kV2);
  f("application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList;profile=nopeer", kV2);
  f("application/json;as=\"APIGroupDiscoveryList\";v=v2;g=apidiscovery.k8s.io", kV2);
  f("application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList,*/*", "application/json");
  f("application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList", "406");
  f("application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList," + v2,
    kV2);
  f("application/cbor", "406");
  f("application/vnd.kubernetes.protobuf", "406");
  f("text/html,application/xhtml+xml,*/*;q=0.8", "application/json");
}

TEST(ContentNegotiationTest, DataIsJsonOrATableWhereOneIsServed) {
  const auto f = [](std::string_view accept, std::optional<DataFormat> with_table,
                    std::optional<DataFormat> without) {
    SCOPED_TRACE(std::string(accept));
    EXPECT_EQ(negotiate_data(accept, true), with_table);
    EXPECT_EQ(negotiate_data(accept, false), without);
  };
  using enum DataFormat;
  f("", kJson, kJson);
  f(" , ", kJson, kJson);
  f("application/json", kJson, kJson);
  f("application/json, */*", kJson, kJson);
  f("application/vnd.kubernetes.protobuf, */*", kJson, kJson);
  f("application/vnd.kubernetes.protobuf", std::nullopt, std::nullopt);
  f("application/yaml", std::nullopt, std::nullopt);
  f("application/cbor", std::nullopt, std::nullopt);
  f(kKubectl, kTableV1, kJson);
  f("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", kTableV1beta1, kJson);
  f("application/json;as=Table;v=v1;g=meta.k8s.io", kTableV1, std::nullopt);
  f("application/json;as=Table;v=v2;g=meta.k8s.io", std::nullopt, std::nullopt);
  f("application/json,application/json;as=Table;v=v1;g=meta.k8s.io", kJson, kJson);
  f("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json", kJson,
    kJson);
  f("application/json;charset=utf-8", kJson, kJson);
  f("nonsense", std::nullopt, std::nullopt);
}

TEST(ContentNegotiationTest, ReadsAtMost64Clauses) {
  std::string accept;
  for (int i = 0; i < 1000; ++i) accept += "text/plain,";
  EXPECT_EQ(parse_accept(accept).size(), 64U);
}

TEST(ContentNegotiationTest, PrettyIsAskedForOrGuessedFromTheProgram) {
  const auto f = [](std::optional<std::string_view> pretty, std::string_view agent, bool want) {
    SCOPED_TRACE(std::string(agent));
    EXPECT_EQ(negotiate_style(pretty, agent) == JsonStyle::kPretty, want);
  };
  f(std::nullopt, "", false);
  f(std::nullopt, "curl/8.1", true);
  f(std::nullopt, "Wget/1.21", true);
  f(std::nullopt, "Mozilla/5.0 (X11)", true);
  f(std::nullopt, "Mozilla/4.0", false);
  f(std::nullopt, "kubectl/v1.32.4 (linux/amd64)", false);
  f("", "curl/8.1", true);
  f("false", "curl/8.1", false);
  f("0", "curl/8.1", false);
  f("nonsense", "curl/8.1", false);
  f("true", "kubectl", true);
  f("1", "", true);
  f("T", "", true);
  f("yes", "", false);
}

TEST(ContentNegotiationTest, IfNoneMatchTakesListsWeakTagsAndStars) {
  const auto f = [](std::string_view header, bool want) {
    SCOPED_TRACE(std::string(header));
    EXPECT_EQ(etag_matches(header, "\"abc\""), want);
  };
  f("", false);
  f("\"abc\"", true);
  f("W/\"abc\"", true);
  f("\"x\", \"abc\"", true);
  f("*", true);
  f("abc", false);
  f("\"abcd\"", false);
}

}  // namespace
}  // namespace leadline
