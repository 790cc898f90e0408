#include "adapter/keda_grpc_log.h"

#include <utility>

#include <fmt/format.h>
#include <grpc/support/log.h>

#include "daemon/log.h"

namespace leadline {

std::optional<std::uint64_t> KedaLogLimit::due(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (last_ && now - *last_ < kPeriod) {
    ++left_out_;
    return std::nullopt;
  }
  last_ = now;
  return std::exchange(left_out_, 0);
}

void log_grpc() {
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
  gpr_set_log_function([](gpr_log_func_args* args) {
    static KedaLogLimit limit;
    const auto left_out = limit.due(system_now().steady);
    if (!left_out) return;
    log_warn(fmt::format("gRPC said err=\"{}\" left_out={}", printable(args->message), *left_out));
  });
}

}  // namespace leadline
