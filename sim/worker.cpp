#include "sim/worker.h"

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "sim/redis_client.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using Wait = std::function<bool(milliseconds)>;

constexpr milliseconds kPause{500};  // before another attempt to connect

// Whose members are the IDs of the jobs that are done.
std::string done_set(const std::string& stream) {
  return stream + ":done";
}

// The IDs in a list of entries, each [ID, fields].
std::vector<std::string> ids_in(const redisReply* entries) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; entries != nullptr && i < entries->elements; ++i) {
    const redisReply* entry = entries->element[i];
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements == 0) continue;
    ids.emplace_back(entry->element[0]->str, entry->element[0]->len);
  }
  return ids;
}

class Worker {
 public:
  Worker(const WorkerOptions& options, const Wait& wait, RedisClient redis)
      : options_(options), wait_(wait), redis_(std::move(redis)) {}

  // Until it is time to stop, or the connection is lost.
  Result<void> run() {
    const auto made =
        redis_.say({"XGROUP", "CREATE", options_.stream, options_.group, "0", "MKSTREAM"});
    if (!made && !is_busy_group(made.error())) return fail(made.error());
    while (!stopping_ && !wait_(milliseconds(0))) {
      auto jobs = claimed();
      if (jobs && jobs->empty()) jobs = taken();
      if (!jobs) return fail(jobs.error());
      if (const auto done = do_all(*jobs); !done) return fail(done.error());
    }
    return {};
  }

 private:
  static bool is_busy_group(const Error& error) {
    return error.message.find("BUSYGROUP") != std::string::npos;
  }

  Result<std::vector<std::string>> claimed() {
    const auto reply = redis_.say({"XAUTOCLAIM", options_.stream, options_.group, options_.name,
                                   std::to_string(options_.claim_after_ms), "0-0", "COUNT",
                                   std::to_string(options_.prefetch)});
    if (!reply) return fail(reply.error());
    return ids_in((*reply)->elements > 1 ? (*reply)->element[1] : nullptr);
  }

  Result<std::vector<std::string>> taken() {
    const auto reply = redis_.say({"XREADGROUP", "GROUP", options_.group, options_.name, "COUNT",
                                   std::to_string(options_.prefetch), "BLOCK", "200", "STREAMS",
                                   options_.stream, ">"});
    if (!reply) return fail(reply.error());
    if ((*reply)->type != REDIS_REPLY_ARRAY || (*reply)->elements == 0) {
      return std::vector<std::string>();
    }
    return ids_in((*reply)->element[0]->element[1]);
  }

  Result<void> do_all(const std::vector<std::string>& jobs) {
    for (const std::string& job : jobs) {
      if (stopping_) return {};
      do_one();
      if (const auto done = finish(job); !done) return fail(done.error());
    }
    return {};
  }

  // To its end, whatever comes in between.
  void do_one() {
    const auto end = system_now().steady + milliseconds(options_.work_ms);
    for (;;) {
      const auto left = std::chrono::ceil<milliseconds>(end - system_now().steady);
      if (left <= milliseconds(0)) return;
      stopping_ = wait_(left) || stopping_;
    }
  }

  Result<void> finish(const std::string& job) {
    for (const auto& words :
         std::vector<std::vector<std::string>>{{"MULTI"},
                                               {"XACK", options_.stream, options_.group, job},
                                               {"XDEL", options_.stream, job},
                                               {"SADD", done_set(options_.stream), job},
                                               {"EXEC"}}) {
      if (const auto reply = redis_.say(words); !reply) return fail(reply.error());
    }
    return {};
  }

  const WorkerOptions& options_;
  const Wait& wait_;
  RedisClient redis_;
  bool stopping_ = false;
};

}  // namespace

Result<void> work(const WorkerOptions& options, const Wait& wait) {
  for (;;) {
    auto redis = RedisClient::connect(options.redis);
    if (!redis && redis.error().code == Errc::kBadConfig) return fail(redis.error());
    if (redis && Worker(options, wait, std::move(*redis)).run()) return {};
    if (wait(kPause)) return {};
  }
}

Result<int> add_jobs(const JobsOptions& options, const Wait& wait) {
  auto redis = RedisClient::connect(options.redis);
  if (!redis) return fail(redis.error());
  const auto begin = system_now().steady;
  for (int number = 0; number < options.count; ++number) {
    if (options.per_second > 0) {
      const auto at = begin + std::chrono::duration<double>(number / options.per_second);
      const auto left = std::chrono::ceil<milliseconds>(at - system_now().steady);
      if (left > milliseconds(0) && wait(left)) return number;
    }
    const auto added = redis->say({"XADD", options.stream, "*", "job", std::to_string(number)});
    if (!added) return fail(added.error());
  }
  return options.count;
}

Result<void> count_done(const DoneOptions& options, const Wait& wait,
                        const std::function<void(std::int64_t)>& tell) {
  auto redis = RedisClient::connect(options.redis);
  if (!redis) return fail(redis.error());
  std::optional<std::int64_t> told;
  do {
    const auto reply = redis->say({"SCARD", done_set(options.stream)});
    if (!reply) return fail(reply.error());
    if (told != (*reply)->integer) tell((*reply)->integer);
    told = (*reply)->integer;
  } while (options.every_ms > 0 && !wait(milliseconds(options.every_ms)));
  return {};
}

}  // namespace leadline
