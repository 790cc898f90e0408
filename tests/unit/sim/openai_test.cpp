#include "sim/openai.h"

#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace leadline {
namespace {

constexpr int kMaxLen = 1000;

TEST(OpenAiTest, RequestsAreReadAsVllmReadsThem) {
  const auto f = [](Api api, std::string_view body, std::string_view want) {
    SCOPED_TRACE(body);
    const auto r = parse_completion(api, body, kMaxLen);
    ASSERT_TRUE(r.has_value()) << r.error().message;
    EXPECT_EQ(fmt::format("prompt {} max {} {}{}{}", r->prompt_tokens, r->max_tokens,
                          r->ends_with == FinishReason::kStop ? "stop" : "length",
                          r->stream ? " stream" : "", r->include_usage ? " usage" : ""),
              want);
  };
  const Api text = Api::kCompletions;
  f(text, R"({"prompt":[1,2,3],"max_tokens":5})", "prompt 3 max 5 length");
  f(text, R"({"prompt":[[1,2,3]],"max_tokens":5})", "prompt 3 max 5 length");
  f(text, R"({"prompt":" one  two\nthree ","max_tokens":5})", "prompt 3 max 5 length");
  f(text, R"({"prompt":["one two"],"max_tokens":5})", "prompt 2 max 5 length");
  f(text, R"({"prompt":""})", "prompt 1 max 16 length");
  f(text, R"({"prompt":[1],"ignore_eos":true})", "prompt 1 max 999 length");
  f(text, R"({"prompt":[1],"stream":true,"stream_options":{"include_usage":true}})",
    "prompt 1 max 16 length stream usage");
  f(Api::kChat, R"({"messages":[{"role":"user","content":"a b"}]})", "prompt 6 max 128 stop");
  f(Api::kChat, R"({"messages":[{"content":[{"type":"text","text":"a b c"}]}],"max_tokens":3})",
    "prompt 7 max 3 length");
}

TEST(OpenAiTest, BadRequestsSayWhatIsWrong) {
  const auto f = [](Api api, std::string_view body, std::string_view want) {
    SCOPED_TRACE(body);
    const auto r = parse_completion(api, body, kMaxLen);
    ASSERT_FALSE(r.has_value());
    EXPECT_EQ(r.error().code, Errc::kBadInput);
    EXPECT_NE(r.error().message.find(want), std::string::npos) << r.error().message;
  };
  const Api text = Api::kCompletions;
  f(text, "{", "no JSON object");
  f(text, "[]", "no JSON object");
  f(text, "{}", "prompt: missing");
  f(Api::kChat, R"({"prompt":"a"})", "messages: missing");
  f(text, R"({"prompt":[]})", "neither text nor");
  f(text, R"({"prompt":[1,"a"]})", "not a list of token ids");
  f(text, R"({"prompt":"a","max_tokens":0})", "max_tokens must be at least 1, got 0");
  f(text, R"({"prompt":"a","max_tokens":"x"})", "max_tokens");
  f(text, R"({"prompt":"a","max_tokens":1000})", "maximum context length is 1000");
  f(text, R"({"prompt":"a","stream":"yes"})", "stream: \"yes\" is no boolean");
  f(text, R"({"prompt":"a","model":7})", "model: 7 is no text");
  f(Api::kChat, R"({"messages":[7]})", "7 is no object");
  f(Api::kChat, R"({"messages":{}})", "messages: not a non-empty list");
}

TEST(OpenAiTest, StreamIsOneEventPerTokenThenUsageThenDone) {
  CompletionRequest request{
      .model = "m", .prompt_tokens = 4, .max_tokens = 3, .stream = true, .include_usage = true};
  const CompletionWriter writer(Api::kCompletions, request, 1, 17);
  const std::string first = writer.events(0, 2);
  EXPECT_EQ(first.find("[DONE]"), std::string::npos);
  const std::string rest = writer.events(2, 3);
  EXPECT_NE(rest.find(R"("finish_reason":"length")"), std::string::npos);
  EXPECT_NE(rest.find(R"("usage":{"prompt_tokens":4,"total_tokens":7,"completion_tokens":3})"),
            std::string::npos);
  EXPECT_EQ(rest.substr(rest.size() - 14), "data: [DONE]\n\n");
  const std::string event = first.substr(0, first.find("\n\n"));
  const auto json = nlohmann::json::parse(event.substr(6), nullptr, false);
  ASSERT_TRUE(json.is_object()) << event;
  EXPECT_EQ(json["choices"][0]["text"], " a");
}

TEST(OpenAiTest, ChatStreamBeginsWithTheRoleAndWholeAnswersAreJson) {
  CompletionRequest request{.model = "a\"b", .prompt_tokens = 4, .max_tokens = 2, .stream = true};
  const CompletionWriter writer(Api::kChat, request, 1, 17);
  EXPECT_NE(writer.events(0, 1).find(R"("role":"assistant")"), std::string::npos);
  EXPECT_EQ(writer.events(1, 2).find(R"("role":"assistant")"), std::string::npos);
  request.stream = false;
  const auto json =
      nlohmann::json::parse(CompletionWriter(Api::kChat, request, 1, 17).body(), nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["model"], "a\"b");
  EXPECT_EQ(json["object"], "chat.completion");
  EXPECT_EQ(json["choices"][0]["message"]["content"], " a a");
  EXPECT_EQ(json["usage"]["completion_tokens"], 2);
}

}  // namespace
}  // namespace leadline
