#include "sim/faults.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace leadline {
namespace {

TEST(FaultsTest, KeysThatAreGivenChangeAndOthersStay) {
  Faults faults;
  faults.slow_page_ms = 7;
  const auto changed = with_changes(
      faults, R"({"page_status":500,"hang":true,"content_type":"text/html","become":"other"})");
  ASSERT_TRUE(changed.has_value()) << changed.error().message;
  EXPECT_EQ(changed->slow_page_ms, 7);
  EXPECT_EQ(changed->page_status, 500);
  EXPECT_TRUE(changed->hang);
  EXPECT_EQ(changed->content_type, "text/html");
  const auto again = with_changes(Faults{}, to_json(*changed));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(to_json(*again), to_json(*changed));
}

TEST(FaultsTest, BadRequestsNameTheKeyAndTheValue) {
  const auto f = [](std::string_view json, std::string_view want) {
    SCOPED_TRACE(json);
    const auto changed = with_changes(Faults{}, json);
    ASSERT_FALSE(changed.has_value());
    EXPECT_EQ(changed.error().code, Errc::kBadInput);
    EXPECT_NE(changed.error().message.find(want), std::string::npos) << changed.error().message;
  };
  f("", "not a JSON object");
  f("[]", "not a JSON object");
  f(R"({"slow":1})", "unknown fault \"slow\"");
  f(R"({"slow_page_ms":-1})", "slow_page_ms: bad value -1");
  f(R"({"page_status":600})", "page_status: bad value 600");
  f(R"({"hang":1})", "hang: bad value 1");
  f(R"({"content_type":5})", "content_type: bad value 5");
  f(R"({"become":"llama"})", "become: \"llama\"");
}

TEST(FaultsTest, PagesAreSpoiledAsAsked) {
  const std::string page = "# HELP vllm:x x\n# TYPE vllm:x gauge\nvllm:x 1.0\n";
  EXPECT_EQ(spoil_page(Faults{}, page), page);
  EXPECT_EQ(spoil_page({.become = "other"}, page).find("vllm:"), std::string::npos);
  EXPECT_EQ(spoil_page({.garbage_page = true}, page).find("vllm:"), std::string::npos);
  const std::string padded = spoil_page({.page_bytes = 100'000}, page);
  EXPECT_EQ(padded.rfind(page, 0), 0U);
  EXPECT_GE(padded.size(), 100'000U);
  EXPECT_LT(padded.size(), 102'000U);
  EXPECT_EQ(padded.back(), '\n');
}

}  // namespace
}  // namespace leadline
