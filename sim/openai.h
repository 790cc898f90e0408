// The OpenAI-compatible bodies of /v1/completions and /v1/chat/completions, as vLLM reads and
// writes them. Pure; used by EngineServer.
//
// Tokens: a `prompt` that is a list of integers counts one token each; text counts one token per
// run of non-space characters, and four more per chat message for its template. Generated text is
// " a" per token. Without `max_tokens` a completion makes 16 tokens (as OpenAI's) and a chat 128,
// then it ends with "stop"; with it, or with `ignore_eos`, it runs to the limit and ends with
// "length".

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sim/batching.h"

namespace leadline {

enum class Api { kCompletions, kChat };

struct CompletionRequest {
  std::string model;
  int prompt_tokens = 0;
  int max_tokens = 0;
  FinishReason ends_with = FinishReason::kLength;
  bool stream = false;
  bool include_usage = false;
};

// kBadInput: what is wrong, with the value. Does not look at the model's name.
[[nodiscard]] Result<CompletionRequest> parse_completion(Api api, std::string_view body,
                                                         int max_model_len);

// {"error":{"message":…,"type":"BadRequestError","param":null,"code":400}}
[[nodiscard]] std::string error_body(int status, std::string_view message);

// Writes the answers to one request. Everything but the token's own part is made once, since a
// stream writes one event per token.
class CompletionWriter {
 public:
  CompletionWriter(Api api, const CompletionRequest& request, RequestId id, std::int64_t created);

  // `data: {…}` events for tokens (from, to], the first one preceded by the chat role, the last one
  // with its finish_reason, then usage (when asked for) and [DONE].
  [[nodiscard]] std::string events(int from, int to) const;

  // The whole answer of a request that does not stream.
  [[nodiscard]] std::string body() const;

 private:
  [[nodiscard]] std::string usage() const;
  [[nodiscard]] std::string_view reason() const;

  Api api_;
  CompletionRequest request_;
  std::string head_;         // `{"id":…,"created":…,"model":…`
  std::string token_event_;  // a middle token
  std::string last_event_;   // the last token
};

}  // namespace leadline
