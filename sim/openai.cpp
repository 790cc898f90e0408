#include "sim/openai.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace leadline {
namespace {

using nlohmann::json;

constexpr int kDefaultCompletionTokens = 16;
constexpr int kDefaultChatTokens = 128;
constexpr int kTokensPerMessage = 4;
constexpr int kMaxPrompt = 1 << 20;

int count_words(std::string_view text) {
  int words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool space = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!space && !inside) ++words;
    inside = !space;
  }
  return words;
}

Result<int> count_prompt(const json& prompt) {
  if (prompt.is_string()) return std::max(1, count_words(prompt.get_ref<const std::string&>()));
  if (!prompt.is_array() || prompt.empty()) {
    return fail(Errc::kBadInput, "prompt: neither text nor a non-empty list of token ids");
  }
  // A list with one text or one list of ids is one prompt; more would be a batch.
  if (prompt.size() == 1 && !prompt[0].is_number()) return count_prompt(prompt[0]);
  const bool ids = std::all_of(prompt.begin(), prompt.end(),
                               [](const json& id) { return id.is_number_unsigned(); });
  if (!ids) return fail(Errc::kBadInput, "prompt: not a list of token ids");
  return static_cast<int>(std::min<std::size_t>(prompt.size(), kMaxPrompt));
}

// Content is text or a list of parts of which the text ones count.
int count_content(const json& content) {
  if (content.is_string()) return count_words(content.get_ref<const std::string&>());
  if (!content.is_array()) return 0;
  int words = 0;
  for (const json& part : content) {
    if (part.is_object() && part.contains("text") && part["text"].is_string()) {
      words += count_words(part["text"].get_ref<const std::string&>());
    }
  }
  return words;
}

Result<int> count_messages(const json& messages) {
  if (!messages.is_array() || messages.empty()) {
    return fail(Errc::kBadInput, "messages: not a non-empty list");
  }
  int tokens = 0;
  for (const json& message : messages) {
    if (!message.is_object())
      return fail(Errc::kBadInput, "messages: {} is no object", message.dump());
    tokens += kTokensPerMessage + count_content(message.value("content", json()));
  }
  return tokens;
}

Result<bool> read_flag(const json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || at->is_null()) return false;
  if (!at->is_boolean()) return fail(Errc::kBadInput, "{}: {} is no boolean", key, at->dump());
  return at->get<bool>();
}

// nullopt-like 0: not given.
Result<int> read_max_tokens(const json& object) {
  for (const char* key : {"max_completion_tokens", "max_tokens"}) {
    const auto at = object.find(key);
    if (at == object.end() || at->is_null()) continue;
    if (!at->is_number_integer() || *at < 1 || *at > kMaxPrompt) {
      return fail(Errc::kBadInput, "{} must be at least 1, got {}.", key, at->dump());
    }
    return at->get<int>();
  }
  return 0;
}

Result<void> read_flags(const json& object, CompletionRequest& request) {
  const auto stream = read_flag(object, "stream");
  if (!stream) return fail(stream.error());
  request.stream = *stream;
  const json options = object.value("stream_options", json());
  if (!options.is_object()) return {};
  const auto usage = read_flag(options, "include_usage");
  if (!usage) return fail(usage.error());
  request.include_usage = *usage;
  return {};
}

Result<void> read_limit(Api api, const json& object, int max_model_len,
                        CompletionRequest& request) {
  const auto ignore_eos = read_flag(object, "ignore_eos");
  if (!ignore_eos) return fail(ignore_eos.error());
  const auto asked = read_max_tokens(object);
  if (!asked) return fail(asked.error());
  const int room = max_model_len - request.prompt_tokens;
  if (room < 1 || *asked > room) {
    return fail(
        Errc::kBadInput,
        "This model's maximum context length is {} tokens. However, you requested {} output "
        "tokens and your prompt contains {} input tokens.",
        max_model_len, *asked, request.prompt_tokens);
  }
  if (*asked > 0) {
    request.max_tokens = *asked;
  } else if (*ignore_eos) {
    request.max_tokens = room;
  } else {
    const int natural = api == Api::kChat ? kDefaultChatTokens : kDefaultCompletionTokens;
    request.max_tokens = std::min(natural, room);
    if (natural <= room && api == Api::kChat) request.ends_with = FinishReason::kStop;
  }
  return {};
}

}  // namespace

Result<CompletionRequest> parse_completion(Api api, std::string_view body, int max_model_len) {
  const json object = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return fail(Errc::kBadInput, "the body is no JSON object");
  CompletionRequest request;
  const json model = object.value("model", json());
  if (!model.is_null() && !model.is_string()) {
    return fail(Errc::kBadInput, "model: {} is no text", model.dump());
  }
  if (model.is_string()) request.model = model.get<std::string>();
  const char* key = api == Api::kChat ? "messages" : "prompt";
  if (!object.contains(key)) return fail(Errc::kBadInput, "{}: missing", key);
  const auto tokens = api == Api::kChat ? count_messages(object[key]) : count_prompt(object[key]);
  if (!tokens) return fail(tokens.error());
  request.prompt_tokens = *tokens;
  const auto flags = read_flags(object, request);
  if (!flags) return fail(flags.error());
  const auto limit = read_limit(api, object, max_model_len, request);
  if (!limit) return fail(limit.error());
  return request;
}

std::string error_body(int status, std::string_view message) {
  const char* type = status == 404   ? "NotFoundError"
                     : status == 400 ? "BadRequestError"
                                     : "ServiceUnavailableError";
  return json{
      {"error", {{"message", message}, {"type", type}, {"param", nullptr}, {"code", status}}}}
      .dump();
}

CompletionWriter::CompletionWriter(Api api, const CompletionRequest& request, RequestId id,
                                   std::int64_t created)
    : api_(api), request_(request) {
  const bool chat = api == Api::kChat;
  head_ = fmt::format(
      R"({{"id":"{}-{:016x}","object":"{}","created":{},"model":{})", chat ? "chatcmpl" : "cmpl",
      id, chat ? (request.stream ? "chat.completion.chunk" : "chat.completion") : "text_completion",
      created, json(request.model).dump());
  const auto event = [&](std::string_view finish) {
    return chat ? fmt::format(
                      "data: {},\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" a\"}},"
                      "\"logprobs\":null,\"finish_reason\":{}}}]}}\n\n",
                      head_, finish)
                : fmt::format(
                      "data: {},\"choices\":[{{\"index\":0,\"text\":\" a\",\"logprobs\":null,"
                      "\"finish_reason\":{}}}]}}\n\n",
                      head_, finish);
  };
  token_event_ = event("null");
  last_event_ = event(fmt::format("\"{}\"", reason()));
}

std::string CompletionWriter::events(int from, int to) const {
  std::string out;
  if (from == 0 && api_ == Api::kChat) {
    out += fmt::format(
        "data: {},\"choices\":[{{\"index\":0,\"delta\":{{\"role\":\"assistant\",\"content\":\"\"}},"
        "\"logprobs\":null,\"finish_reason\":null}}]}}\n\n",
        head_);
  }
  for (int token = from + 1; token <= to; ++token) {
    out += token == request_.max_tokens ? last_event_ : token_event_;
  }
  if (to < request_.max_tokens) return out;
  if (request_.include_usage) {
    out += fmt::format("data: {},\"choices\":[],\"usage\":{}}}\n\n", head_, usage());
  }
  return out + "data: [DONE]\n\n";
}

std::string CompletionWriter::body() const {
  std::string text;
  for (int token = 0; token < request_.max_tokens; ++token) text += " a";
  const std::string choice =
      api_ == Api::kChat ? fmt::format(R"("message":{{"role":"assistant","content":"{}"}})", text)
                         : fmt::format(R"("text":"{}")", text);
  return fmt::format(
      R"({},"choices":[{{"index":0,{},"logprobs":null,"finish_reason":"{}"}}],"usage":{}}})", head_,
      choice, reason(), usage());
}

std::string CompletionWriter::usage() const {
  return fmt::format(R"({{"prompt_tokens":{},"total_tokens":{},"completion_tokens":{}}})",
                     request_.prompt_tokens, request_.prompt_tokens + request_.max_tokens,
                     request_.max_tokens);
}

std::string_view CompletionWriter::reason() const {
  return request_.ends_with == FinishReason::kStop ? "stop" : "length";
}

}  // namespace leadline
