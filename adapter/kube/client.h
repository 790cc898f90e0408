// KubeClient speaks to the Kubernetes API: single requests, and watches that deliver line after
// line. One thread of its own runs libcurl for all of them; a watch has a connection of its own, so
// that one stalled stream holds up nothing else.
//
// Thread-safety: ask(), watch(), cancel() and call_after() from any thread; callbacks run on the
// client's thread and must not block. Nobody is called once stop() has returned.
// Bounded: kMaxRequests at once, a body and a line by their request's limits, each request by its
// timeout.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "adapter/kube/endpoint.h"
#include "base/result.h"

namespace leadline {

struct KubeRequest {
  std::string method = "GET";
  std::string path;                           // with its query: `/api/v1/pods?limit=500`
  std::string body;                           // JSON
  std::string content_type;                   // of the body; empty: `application/json`
  std::chrono::milliseconds timeout{10'000};  // the whole exchange
  std::size_t max_bytes = 16 * 1024 * 1024;   // of the answer's body, or of one line of a watch
};

struct KubeAnswer {
  int status = 0;
  std::string body;  // of a watch: only what came with an error status
  std::chrono::seconds retry_after{0};
};

class KubeClient {
 public:
  static constexpr std::size_t kMaxRequests = 512;

  // kUnavailable: no answer, too late, too large, or too many requests at once.
  using Done = std::function<void(Result<KubeAnswer>)>;
  struct Stream {
    std::function<void()> opened;                // the server accepted the watch
    std::function<void(std::string_view)> line;  // one event
  };
  using RequestId = std::uint64_t;  // 0 names none

  // kBadConfig: the endpoint's CA, certificate or key cannot be used.
  [[nodiscard]] static Result<std::unique_ptr<KubeClient>> start(const KubeEndpoint& endpoint);
  ~KubeClient();
  KubeClient(const KubeClient&) = delete;
  KubeClient& operator=(const KubeClient&) = delete;

  RequestId ask(KubeRequest request, Done done);

  // Tells the lines of a 200 answer as they come, then `done` when the stream ends.
  RequestId watch(KubeRequest request, Stream stream, Done done);

  // Ends a request or a pending call without calling anybody.
  void cancel(RequestId id);

  // Ends the thread; nobody is called any more, and further calls do nothing. Once, by its owner.
  void stop();

  // Runs `work` once on the client's thread, after `delay`.
  RequestId call_after(std::chrono::milliseconds delay, std::function<void()> work);

 private:
  class Loop;
  explicit KubeClient(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace leadline
