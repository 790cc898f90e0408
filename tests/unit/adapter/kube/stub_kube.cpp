#include "tests/unit/adapter/kube/stub_kube.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <list>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter/kube/reviews.h"
#include "adapter/percent.h"

namespace leadline::test {
namespace {

using nlohmann::json;

// The bytes of one connection.
class Wire {
 public:
  Wire(int descriptor, SSL_CTX* context) : descriptor_(descriptor) {
    if (context == nullptr) return;
    ssl_ = SSL_new(context);
    SSL_set_fd(ssl_, descriptor_);
    good_ = SSL_accept(ssl_) == 1;
  }
  ~Wire() {
    if (ssl_ != nullptr && good_) SSL_shutdown(ssl_);
    SSL_free(ssl_);
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  bool send(std::string_view bytes) {
    while (good_ && !bytes.empty()) {
      const long sent = ssl_ != nullptr
                            ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                            : ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      good_ = sent > 0;
      if (good_) bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return good_;
  }

  // Appends what came; false at the end.
  bool receive(std::string& into) {
    std::array<char, 16384> buffer;
    const long got = !good_            ? 0
                     : ssl_ != nullptr ? SSL_read(ssl_, buffer.data(), buffer.size())
                                       : ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    good_ = got > 0;
    if (good_) into.append(buffer.data(), static_cast<std::size_t>(got));
    return good_;
  }

  [[nodiscard]] std::string client_name() const {
    const X509* certificate = ssl_ == nullptr ? nullptr : SSL_get0_peer_certificate(ssl_);
    if (certificate == nullptr) return {};
    std::array<char, 256> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
    return name.data();
  }

 private:
  int descriptor_;
  SSL* ssl_ = nullptr;
  bool good_ = true;
};

void read_query(std::string_view text, std::map<std::string, std::string>& query) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const auto equals = std::min(pair.find('='), pair.size());
    query[std::string(pair.substr(0, equals))] =
        percent_decoded(pair.substr(std::min(pair.size(), equals + 1)), true).value_or("");
  }
}

// The next request of a connection; `rest` is what came too early.
std::optional<StubRequest> next_request(Wire& wire, std::string& rest) {
  std::size_t end = 0;
  while ((end = rest.find("\r\n\r\n")) == std::string::npos) {
    if (!wire.receive(rest)) return std::nullopt;
  }
  StubRequest request;
  std::string_view head = std::string_view(rest).substr(0, end);
  const auto first = head.substr(0, head.find("\r\n"));
  request.method = first.substr(0, first.find(' '));
  const auto target = first.substr(first.find(' ') + 1, first.rfind(' ') - first.find(' ') - 1);
  request.path = target.substr(0, target.find('?'));
  if (const auto mark = target.find('?'); mark != std::string_view::npos)
    read_query(target.substr(mark + 1), request.query);
  head.remove_prefix(std::min(head.size(), first.size() + 2));
  while (!head.empty()) {
    const auto line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    request.headers.push_back(
        {std::string(line.substr(0, colon)), std::string(line.substr(colon + 2))});
  }
  std::size_t length = 0;
  const std::string given = request.header("Content-Length");
  std::from_chars(given.data(), given.data() + given.size(), length);
  rest.erase(0, end + 4);
  while (rest.size() < length) {
    if (!wire.receive(rest)) return std::nullopt;
  }
  request.body = rest.substr(0, length);
  rest.erase(0, length);
  request.client_name = wire.client_name();
  return request;
}

std::string encoded(const StubReply& reply) {
  std::string text =
      fmt::format("HTTP/1.1 {} Status\r\nContent-Length: {}\r\n", reply.status, reply.body.size());
  for (const HttpHeader& header : reply.headers)
    text += fmt::format("{}: {}\r\n", header.name, header.value);
  return text + "\r\n" + reply.body;
}

StubReply with(const json& body, int status = 200) {
  return {.status = status, .body = body.dump(), .headers = {}};
}

StubReply status(int code) {
  return with({{"kind", "Status"}, {"code", code}, {"message", "says the stub"}}, code);
}

std::string key_of(const std::string& collection, const json& object) {
  const json& metadata = object["metadata"];
  const std::string name = metadata.value("name", "");
  const std::string space = metadata.value("namespace", "");
  return space.empty() || collection.find("/namespaces/") != std::string::npos ? name
                                                                               : space + "/" + name;
}

std::uint64_t number_in(const std::map<std::string, std::string>& query, const char* key) {
  std::uint64_t number = 0;
  if (const auto found = query.find(key); found != query.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
  return number;
}

bool selected(const StubRequest& request, const json& object) {
  const auto selector = request.query.find("fieldSelector");
  return selector == request.query.end() ||
         selector->second == "metadata.name=" + object["metadata"].value("name", "");
}

}  // namespace

struct StubKube::State {
  struct Event {
    std::uint64_t version = 0;  // 0: raw, for those who watch when it is sent
    std::string text;
    json object;
  };
  struct Collection {
    std::map<std::string, json> objects;
    std::vector<Event> events;
    int watching = 0;
  };

  State(std::optional<KeyPair> tls, std::uint16_t wanted_port);
  ~State();

  void accept_all();
  void serve(int descriptor);
  bool answer(Wire& wire, const StubRequest& request);
  void watch(Wire& wire, const StubRequest& request);
  StubReply reply_to(const StubRequest& request);
  StubReply list(const Collection& collection, const StubRequest& request) const;
  StubReply single(const StubRequest& request);
  StubReply write(const StubRequest& request);
  StubReply review(const StubRequest& request);
  void record(Collection& collection, const char* type, json object);
  std::string store(const std::string& collection, json object);

  SSL_CTX* context = nullptr;
  int listener = -1;
  std::uint16_t port = 0;

  mutable std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  std::uint64_t version = 100;
  std::map<std::string, Collection> collections;
  std::map<std::string, json> tokens;
  std::function<bool(const json&)> allowed;
  std::vector<json> asked;
  std::vector<StubRequest> seen;
  Script script;
  std::string hanging;
  int ended = 0, cut = 0;  // how often watches were
  std::vector<int> descriptors;
  std::list<std::thread> threads;
  std::thread acceptor;
};

StubKube::State::State(std::optional<KeyPair> tls, std::uint16_t wanted_port) {
  std::signal(SIGPIPE, SIG_IGN);
  if (tls) {
    context = SSL_CTX_new(TLS_server_method());
    BIO* certificate = BIO_new_mem_buf(tls->certificate_pem.data(), -1);
    BIO* key = BIO_new_mem_buf(tls->key_pem.data(), -1);
    X509* own = PEM_read_bio_X509(certificate, nullptr, nullptr, nullptr);
    EVP_PKEY* own_key = PEM_read_bio_PrivateKey(key, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context, own);
    SSL_CTX_use_PrivateKey(context, own_key);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    X509_free(own);
    EVP_PKEY_free(own_key);
    BIO_free(certificate);
    BIO_free(key);
  }
  listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(wanted_port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 128) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("the stub cannot listen");
  port = ntohs(address.sin_port);
  acceptor = std::thread([this] { accept_all(); });
}

StubKube::State::~State() {
  {
    const std::lock_guard lock(mutex);
    stopping = true;
    ::shutdown(listener, SHUT_RDWR);
    for (const int descriptor : descriptors) ::shutdown(descriptor, SHUT_RDWR);
  }
  changed.notify_all();
  acceptor.join();
  for (std::thread& thread : threads) thread.join();
  for (const int descriptor : descriptors) ::close(descriptor);
  ::close(listener);
  SSL_CTX_free(context);
}

void StubKube::State::accept_all() {
  for (;;) {
    const int descriptor = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex);
    if (descriptor < 0 || stopping) {
      if (descriptor >= 0) ::close(descriptor);
      return;
    }
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    descriptors.push_back(descriptor);
    threads.emplace_back([this, descriptor] { serve(descriptor); });
  }
}

void StubKube::State::serve(int descriptor) {
  {
    Wire wire(descriptor, context);
    std::string rest;
    while (const auto request = next_request(wire, rest)) {
      if (!answer(wire, *request)) break;
    }
  }
  ::shutdown(descriptor, SHUT_RDWR);  // closed with the stub, so that its number stays ours
}

// Whether the connection goes on.
bool StubKube::State::answer(Wire& wire, const StubRequest& request) {
  std::optional<StubReply> scripted;
  {
    std::unique_lock lock(mutex);
    seen.push_back(request);
    changed.wait(lock,
                 [&] { return stopping || hanging.empty() || !request.path.starts_with(hanging); });
    if (stopping) return false;
    if (const Script asked_first = script) {
      lock.unlock();
      scripted = asked_first(request);
    }
  }
  if (scripted) return wire.send(encoded(*scripted));
  if (request.is_watch()) {
    watch(wire, request);
    return false;
  }
  return wire.send(encoded(reply_to(request)));
}

void StubKube::State::watch(Wire& wire, const StubRequest& request) {
  if (!wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")) return;
  const std::uint64_t from = number_in(request.query, "resourceVersion");
  std::unique_lock lock(mutex);
  Collection& collection = collections[request.path];
  const std::size_t before = collection.events.size();
  const int ended_before = ended;
  const int cut_before = cut;
  ++collection.watching;
  std::size_t next = 0;
  for (;;) {
    changed.wait(lock, [&] {
      return stopping || ended != ended_before || cut != cut_before ||
             next < collection.events.size();
    });
    if (stopping || cut != cut_before) break;
    if (next < collection.events.size()) {
      const Event event = collection.events[next++];
      const bool wanted = event.version == 0
                              ? next > before
                              : event.version > from && selected(request, event.object);
      if (!wanted) continue;
      lock.unlock();
      const bool sent = wire.send(fmt::format("{:x}\r\n{}\r\n", event.text.size(), event.text));
      lock.lock();
      if (!sent) break;
    } else {
      lock.unlock();
      wire.send("0\r\n\r\n");
      lock.lock();
      break;
    }
  }
  --collection.watching;
}

StubReply StubKube::State::reply_to(const StubRequest& request) {
  const std::lock_guard lock(mutex);
  if (request.path == kTokenReviewPath || request.path == kAccessReviewPath) return review(request);
  const auto collection = collections.find(request.path);
  if (request.method != "GET") return write(request);
  return collection == collections.end() ? single(request) : list(collection->second, request);
}

StubReply StubKube::State::list(const Collection& collection, const StubRequest& request) const {
  const std::uint64_t limit = std::max<std::uint64_t>(1, number_in(request.query, "limit"));
  const auto token = request.query.find("continue");
  auto at = token == request.query.end() ? collection.objects.begin()
                                         : collection.objects.lower_bound(token->second);
  json page = {{"kind", "List"},
               {"metadata", {{"resourceVersion", std::to_string(version)}}},
               {"items", json::array()}};
  for (; at != collection.objects.end() && page["items"].size() < limit; ++at) {
    if (selected(request, at->second)) page["items"].push_back(at->second);
  }
  if (at != collection.objects.end()) page["metadata"]["continue"] = at->first;
  return with(page);
}

StubReply StubKube::State::single(const StubRequest& request) {
  const auto slash = request.path.rfind('/');
  const auto collection = collections.find(request.path.substr(0, slash));
  if (collection == collections.end()) return status(404);
  const auto found = collection->second.objects.find(request.path.substr(slash + 1));
  return found == collection->second.objects.end() ? status(404) : with(found->second);
}

// POST to a collection, PUT and PATCH to an object.
StubReply StubKube::State::write(const StubRequest& request) {
  json body = json::parse(request.body, nullptr, false);
  if (!body.is_object()) return status(400);
  if (request.method == "POST") {
    const std::string key = key_of(request.path, body);
    if (collections[request.path].objects.contains(key)) return status(409);
    store(request.path, body);
    return with(collections[request.path].objects[key], 201);
  }
  const auto slash = request.path.rfind('/');
  const std::string path = request.path.substr(0, slash);
  auto& objects = collections[path].objects;
  const auto found = objects.find(request.path.substr(slash + 1));
  if (found == objects.end()) return status(404);
  json next = body;
  if (request.method == "PATCH") {
    next = found->second;
    next.merge_patch(body);
  } else if (body["metadata"].value("resourceVersion", "") !=
             found->second["metadata"].value("resourceVersion", "")) {
    return status(409);
  }
  store(path, next);
  return with(found->second);
}

StubReply StubKube::State::review(const StubRequest& request) {
  json body = json::parse(request.body, nullptr, false);
  if (!body.is_object()) return status(400);
  if (request.path == kAccessReviewPath) {
    asked.push_back(body["spec"]);
    const bool yes = !allowed || allowed(body["spec"]);
    body["status"] = {{"allowed", yes}, {"reason", yes ? "" : "the stub says no"}};
  } else {
    const auto found = tokens.find(body["spec"].value("token", ""));
    body["status"] = {{"authenticated", found != tokens.end()}};
    if (found != tokens.end()) body["status"]["user"] = found->second;
  }
  return with(body, 201);
}

void StubKube::State::record(Collection& collection, const char* type, json object) {
  const json event = {{"type", type}, {"object", object}};
  collection.events.push_back({version, event.dump() + "\n", std::move(object)});
  changed.notify_all();
}

std::string StubKube::State::store(const std::string& collection, json object) {
  Collection& into = collections[collection];
  object["metadata"]["resourceVersion"] = std::to_string(++version);
  const std::string key = key_of(collection, object);
  const bool known = into.objects.contains(key);
  into.objects[key] = object;
  record(into, known ? "MODIFIED" : "ADDED", std::move(object));
  return key;
}

StubKube::StubKube(std::optional<KeyPair> tls, std::uint16_t port)
    : state_(std::make_unique<State>(std::move(tls), port)) {
  for (const std::string& path : {kPodsPath, kServicesPath, kNodesPath, kConfigMapsPath})
    state_->collections[path];
}

StubKube::~StubKube() = default;

std::uint16_t StubKube::port() const {
  return state_->port;
}

std::string StubKube::url() const {
  return fmt::format("{}://127.0.0.1:{}", state_->context == nullptr ? "http" : "https",
                     state_->port);
}

void StubKube::put(const std::string& collection, json object) {
  const std::lock_guard lock(state_->mutex);
  state_->store(collection, std::move(object));
}

void StubKube::remove(const std::string& collection, const std::string& key) {
  const std::lock_guard lock(state_->mutex);
  auto& from = state_->collections[collection];
  auto node = from.objects.extract(key);
  if (node.empty()) throw std::runtime_error("the stub has no " + key);
  node.mapped()["metadata"]["resourceVersion"] = std::to_string(++state_->version);
  state_->record(from, "DELETED", std::move(node.mapped()));
}

std::optional<json> StubKube::object(const std::string& collection, const std::string& key) const {
  const std::lock_guard lock(state_->mutex);
  const auto from = state_->collections.find(collection);
  if (from == state_->collections.end()) return std::nullopt;
  const auto found = from->second.objects.find(key);
  if (found == from->second.objects.end()) return std::nullopt;
  return found->second;
}

void StubKube::emit(const std::string& collection, const std::string& text) {
  const std::lock_guard lock(state_->mutex);
  state_->collections[collection].events.push_back({0, text, {}});
  state_->changed.notify_all();
}

std::string StubKube::bookmark(const std::string& collection) {
  std::string version;
  {
    const std::lock_guard lock(state_->mutex);
    version = std::to_string(++state_->version);
  }
  const json object = {{"kind", "Pod"}, {"metadata", {{"resourceVersion", version}}}};
  emit(collection, json{{"type", "BOOKMARK"}, {"object", object}}.dump() + "\n");
  return version;
}

void StubKube::end_watches() {
  const std::lock_guard lock(state_->mutex);
  ++state_->ended;
  state_->changed.notify_all();
}

void StubKube::cut_watches() {
  const std::lock_guard lock(state_->mutex);
  ++state_->cut;
  state_->changed.notify_all();
}

int StubKube::open_watches(const std::string& collection) const {
  const std::lock_guard lock(state_->mutex);
  return state_->collections[collection].watching;
}

void StubKube::set_script(Script script) {
  const std::lock_guard lock(state_->mutex);
  state_->script = std::move(script);
}

void StubKube::hang(const std::string& path_prefix) {
  const std::lock_guard lock(state_->mutex);
  state_->hanging = path_prefix;
  state_->changed.notify_all();
}

void StubKube::know_token(const std::string& token, json user) {
  const std::lock_guard lock(state_->mutex);
  state_->tokens[token] = std::move(user);
}

void StubKube::set_access(std::function<bool(const json&)> allowed) {
  const std::lock_guard lock(state_->mutex);
  state_->allowed = std::move(allowed);
}

std::vector<json> StubKube::access_reviews() const {
  const std::lock_guard lock(state_->mutex);
  return state_->asked;
}

std::vector<StubRequest> StubKube::requests() const {
  const std::lock_guard lock(state_->mutex);
  return state_->seen;
}

std::size_t StubKube::count(const std::string& method, const std::string& path) const {
  const std::lock_guard lock(state_->mutex);
  return static_cast<std::size_t>(
      std::count_if(state_->seen.begin(), state_->seen.end(), [&](const StubRequest& request) {
        return request.method == method && request.path == path;
      }));
}

}  // namespace leadline::test
