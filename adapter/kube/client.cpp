#include "adapter/kube/client.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <curl/curl.h>

#include "adapter/certificate_authority.h"
#include "base/ascii_case.h"
#include "base/clock.h"
#include "daemon/edge_log.h"
#include "daemon/log.h"
#include "daemon/text_file.h"
#include "daemon/tls_key_pair.h"
#include "daemon/token_file.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using RequestId = KubeClient::RequestId;

constexpr milliseconds kLongestSleep{1'000};
constexpr std::chrono::seconds kFileAge{60};      // client-go reads a token file once a minute too
constexpr std::chrono::seconds kRefusedPause{1};  // between readings because we were refused
constexpr long kConnectTimeoutMs = 5'000;
// A peer that vanished without a word is noticed after 30 + 3 x 10 s.
constexpr long kKeepAliveIdle = 30, kKeepAliveInterval = 10;

// One exchange. Its address is handed to libcurl, so it never moves.
struct Transfer {
  RequestId id = 0;
  KubeRequest request;
  bool is_watch = false;
  KubeClient::Stream stream;  // of a watch
  KubeClient::Done done;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  curl_slist* connect_to = nullptr;
  KubeAnswer answer;
  std::string partial;  // of a watch: the line that has not ended yet
  bool too_large = false;

  Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    curl_slist_free_all(headers);
    curl_slist_free_all(connect_to);
    curl_easy_cleanup(easy);
  }
};

bool take_lines(Transfer& transfer, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    transfer.partial.append(bytes.substr(0, end));
    if (transfer.partial.size() > transfer.request.max_bytes) return false;
    if (end == std::string_view::npos) return true;
    if (!transfer.partial.empty()) transfer.stream.line(transfer.partial);
    transfer.partial.clear();
    bytes.remove_prefix(end + 1);
  }
  return true;
}

bool streams(const Transfer& transfer) {
  long status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  return transfer.is_watch && status == 200;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::string_view bytes(data, size * count);
  if (streams(transfer)) {
    transfer.too_large = !take_lines(transfer, bytes);
  } else {
    transfer.too_large = transfer.answer.body.size() + bytes.size() > transfer.request.max_bytes;
    if (!transfer.too_large) transfer.answer.body.append(bytes);
  }
  return transfer.too_large ? 0 : bytes.size();  // 0: libcurl ends the transfer
}

// Seconds only: what API servers send.
std::size_t on_header(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::string_view line(data, size * count);
  if (line == "\r\n" && streams(transfer)) transfer.stream.opened();
  constexpr std::string_view kName = "retry-after:";
  if (starts_with_ignoring_case(line, kName)) {
    const auto digits = line.find_first_not_of(' ', kName.size());
    int seconds = 0;
    if (digits != std::string_view::npos)
      std::from_chars(line.data() + digits, line.data() + line.size(), seconds);
    transfer.answer.retry_after = std::chrono::seconds(std::clamp(seconds, 0, 3600));
  }
  return line.size();
}

// Copied: the authority may be replaced while a transfer still uses it.
curl_blob blob_of(const std::string& text) {
  return {.data = const_cast<char*>(text.data()), .len = text.size(), .flags = CURL_BLOB_COPY};
}

// libcurl is started once for the process and never ended: others may use it.
void start_curl() {
  static const CURLcode kStarted = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(kStarted);
}

}  // namespace

// The thread, and all that it owns. Other threads only leave commands for it.
class KubeClient::Loop {
 public:
  explicit Loop(KubeEndpoint endpoint)
      : endpoint_(std::move(endpoint)), token_(endpoint_.token, endpoint_.token_file) {
    start_curl();
    multi_ = curl_multi_init();
    thread_ = std::thread([this] { run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    post([this] { stopping_ = true; });
    thread_.join();
  }
  ~Loop() {
    stop();
    for (const auto& [id, transfer] : transfers_) curl_multi_remove_handle(multi_, transfer->easy);
    transfers_.clear();
    curl_multi_cleanup(multi_);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  RequestId begin(KubeRequest request, std::optional<Stream> stream, Done done) {
    auto transfer = std::make_shared<Transfer>();
    const RequestId id = transfer->id = ++last_id_;
    transfer->request = std::move(request);
    transfer->is_watch = stream.has_value();
    if (stream) transfer->stream = std::move(*stream);
    transfer->done = std::move(done);
    post([this, transfer] { add(transfer); });
    return id;
  }

  RequestId call_after(milliseconds delay, std::function<void()> work) {
    const RequestId id = ++last_id_;
    const SteadyTime at = system_now().steady + delay;
    post([this, id, at, work = std::move(work)]() mutable {
      timers_.emplace(at, std::pair(id, std::move(work)));
    });
    return id;
  }

  void cancel(RequestId id) {
    post([this, id] {
      std::erase_if(timers_, [id](const auto& timer) { return timer.second.first == id; });
      const auto found = transfers_.find(id);
      if (found == transfers_.end()) return;
      curl_multi_remove_handle(multi_, found->second->easy);
      transfers_.erase(found);
    });
  }

 private:
  void post(std::function<void()> command) {
    {
      const std::lock_guard lock(mutex_);
      commands_.push_back(std::move(command));
    }
    curl_multi_wakeup(multi_);
  }

  void run() {
    while (!stopping_) {
      int running = 0;
      curl_multi_perform(multi_, &running);
      finish_transfers();
      run_timers();
      run_commands();
      if (!stopping_) curl_multi_poll(multi_, nullptr, 0, sleep_ms(), nullptr);
    }
  }

  void run_commands() {
    std::vector<std::function<void()>> commands;
    {
      const std::lock_guard lock(mutex_);
      commands.swap(commands_);
    }
    for (const auto& command : commands) command();
  }

  void run_timers() {
    const SteadyTime now = system_now().steady;
    while (!timers_.empty() && timers_.begin()->first <= now) {
      const auto work = std::move(timers_.extract(timers_.begin()).mapped().second);
      work();
    }
  }

  [[nodiscard]] int sleep_ms() const {
    if (timers_.empty()) return static_cast<int>(kLongestSleep.count());
    const auto until =
        std::chrono::ceil<milliseconds>(timers_.begin()->first - system_now().steady);
    return static_cast<int>(std::clamp(until, milliseconds{0}, kLongestSleep).count());
  }

  void add(const std::shared_ptr<Transfer>& transfer) {
    if (transfers_.size() >= kMaxRequests) {
      return transfer->done(
          fail(Errc::kUnavailable, "more than {} requests at once", kMaxRequests));
    }
    transfer->easy = curl_easy_init();
    if (transfer->easy == nullptr) {
      return transfer->done(fail(Errc::kUnavailable, "libcurl has no memory for a request"));
    }
    set_up(*transfer);
    transfers_[transfer->id] = transfer;
    curl_multi_add_handle(multi_, transfer->easy);
  }

  void set_up(Transfer& transfer) {
    CURL* easy = transfer.easy;
    const KubeRequest& request = transfer.request;
    set_address(transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (!request.body.empty()) {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    }
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    set_limits(easy, request);
    read_files();
    set_tls(easy);
    set_headers(transfer);
  }

  // A TLS server name that is not the host's: libcurl asks for that name and dials the host.
  void set_address(Transfer& transfer) const {
    std::string url = endpoint_.server + transfer.request.path;
    if (!endpoint_.tls_server_name.empty()) {
      const auto begin = endpoint_.server.find("://") + 3;
      const auto end = std::min(endpoint_.server.find('/', begin), endpoint_.server.size());
      const std::string host = endpoint_.server.substr(begin, end - begin);
      const auto port = host.rfind(':');
      const bool has_port = port != std::string::npos && host.find(']', port) == std::string::npos;
      const std::string suffix = has_port ? host.substr(port) : ":443";
      const std::string dialled = has_port ? host : host + suffix;
      url = endpoint_.server.substr(0, begin) + endpoint_.tls_server_name + suffix +
            endpoint_.server.substr(end) + transfer.request.path;
      transfer.connect_to = curl_slist_append(nullptr, ("::" + dialled).c_str());
      curl_easy_setopt(transfer.easy, CURLOPT_CONNECT_TO, transfer.connect_to);
    }
    curl_easy_setopt(transfer.easy, CURLOPT_URL, url.c_str());
  }

  static void set_limits(CURL* easy, const KubeRequest& request) {
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, kKeepAliveIdle);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, kKeepAliveInterval);
  }

  void set_tls(CURL* easy) const {
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    if (!endpoint_.verify) {
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    const auto set_blob = [easy](CURLoption option, const std::string& pem) {
      if (pem.empty()) return;
      curl_blob blob = blob_of(pem);
      curl_easy_setopt(easy, option, &blob);
    };
    set_blob(CURLOPT_CAINFO_BLOB, endpoint_.ca_pem);
    set_blob(CURLOPT_SSLCERT_BLOB, endpoint_.certificate_pem);
    set_blob(CURLOPT_SSLKEY_BLOB, endpoint_.key_pem);
  }

  void set_headers(Transfer& transfer) {
    const auto add_header = [&](const std::string& line) {
      transfer.headers = curl_slist_append(transfer.headers, line.c_str());
    };
    add_header("Accept: application/json");
    add_header("Expect:");
    const std::string& type = transfer.request.content_type;
    if (!transfer.request.body.empty())
      add_header("Content-Type: " + (type.empty() ? std::string("application/json") : type));
    if (const std::string& token = token_.token(); !token.empty())
      add_header("Authorization: Bearer " + token);
    curl_easy_setopt(transfer.easy, CURLOPT_HTTPHEADER, transfer.headers);
    curl_easy_setopt(transfer.easy, CURLOPT_USERAGENT, "leadline-adapter/" LEADLINE_VERSION);
  }

  // Kubelets replace both files under a running pod. What was read last stays where they cannot be.
  void read_files() {
    const Instant now = system_now();
    const bool again = refused_ && now.steady - refused_read_ >= kRefusedPause;
    if (!again && now.steady < files_due_) return;
    files_due_ = now.steady + kFileAge;
    if (std::exchange(refused_, false)) refused_read_ = now.steady;
    tell_edge("service account token", token_.reload(), now);
    tell_edge("Kubernetes' authority", read_authority(), now);
  }

  void tell_edge(const std::string& file, const Result<void>& reading, Instant now) {
    if (reading) return file_edges_.recovered(file, file + " is read again", "", now);
    file_edges_.failed(file, file + " is not read", error_fields(reading.error()), now);
  }

  Result<void> read_authority() {
    if (endpoint_.ca_file.empty()) return {};
    auto pem = read_text_file(endpoint_.ca_file, KubeEndpoint::kMaxFileBytes);
    if (!pem) return fail(pem.error());
    if (*pem == endpoint_.ca_pem) return {};
    const auto readable = CertificateAuthority::from_pem(*pem);
    if (!readable) return fail(readable.error().with_context(endpoint_.ca_file));
    endpoint_.ca_pem = std::move(*pem);
    log_info("Kubernetes' authority was replaced file=" + endpoint_.ca_file);
    return {};
  }

  void finish_transfers() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      void* context = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &context);
      finish(static_cast<Transfer*>(context)->id, message->data.result);
    }
  }

  void finish(RequestId id, CURLcode code) {
    const auto transfer = std::move(transfers_.extract(id).mapped());
    curl_multi_remove_handle(multi_, transfer->easy);
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    transfer->answer.status = static_cast<int>(status);
    // Then the files may have been replaced.
    if (status == 401 || code == CURLE_PEER_FAILED_VERIFICATION) refused_ = true;
    transfer->done(outcome(*transfer, code));
  }

  static Result<KubeAnswer> outcome(Transfer& transfer, CURLcode code) {
    const std::string_view path = std::string_view(transfer.request.path);
    const std::string what =
        fmt::format("{} {}", transfer.request.method, path.substr(0, path.find('?')));
    if (transfer.too_large) {
      return fail(Errc::kUnavailable, "{}: answer is over {} bytes", what,
                  transfer.request.max_bytes);
    }
    if (code != CURLE_OK) return fail(Errc::kUnavailable, "{}: {}", what, curl_easy_strerror(code));
    return std::move(transfer.answer);
  }

  KubeEndpoint endpoint_;
  TokenFile token_;
  SteadyTime files_due_, refused_read_;
  bool refused_ = false;  // since the files were read, by the server or by us
  EdgeLog file_edges_;
  CURLM* multi_ = nullptr;
  std::unordered_map<RequestId, std::shared_ptr<Transfer>> transfers_;
  std::multimap<SteadyTime, std::pair<RequestId, std::function<void()>>> timers_;
  bool stopping_ = false;

  std::atomic<RequestId> last_id_ = 0;
  std::mutex mutex_;
  std::vector<std::function<void()>> commands_;  // under the mutex
  std::thread thread_;
};

Result<std::unique_ptr<KubeClient>> KubeClient::start(const KubeEndpoint& endpoint) {
  if (!endpoint.ca_pem.empty()) {
    if (const auto ca = CertificateAuthority::from_pem(endpoint.ca_pem); !ca)
      return fail(Errc::kBadConfig, "Kubernetes API: {}", ca.error().message);
  }
  const bool shows_certificate = !endpoint.certificate_pem.empty();
  if (shows_certificate && !belong_together({endpoint.certificate_pem, endpoint.key_pem})) {
    return fail(Errc::kBadConfig,
                "Kubernetes API: the client's key does not belong to its certificate");
  }
  return std::unique_ptr<KubeClient>(new KubeClient(std::make_unique<Loop>(endpoint)));
}

KubeClient::KubeClient(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
KubeClient::~KubeClient() = default;

void KubeClient::stop() {
  loop_->stop();
}

KubeClient::RequestId KubeClient::ask(KubeRequest request, Done done) {
  return loop_->begin(std::move(request), std::nullopt, std::move(done));
}

KubeClient::RequestId KubeClient::watch(KubeRequest request, Stream stream, Done done) {
  return loop_->begin(std::move(request), std::move(stream), std::move(done));
}

void KubeClient::cancel(RequestId id) {
  loop_->cancel(id);
}

KubeClient::RequestId KubeClient::call_after(std::chrono::milliseconds delay,
                                             std::function<void()> work) {
  return loop_->call_after(delay, std::move(work));
}

}  // namespace leadline
