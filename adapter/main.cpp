// leadline-adapter: one per cluster, answers the metrics APIs.

#include <malloc.h>

#include "adapter/adapter.h"
#include "adapter/config.h"
#include "daemon/config.h"
#include "daemon/log.h"

namespace {

// The list of 1,000 pods is 200 KB, which glibc would give back to the kernel after each answer and
// take anew for the next, at a page fault every 4 KB. At most so much is kept instead.
void keep_freed_memory() {
  constexpr int kMebibyte = 1024 * 1024;
  mallopt(M_MMAP_THRESHOLD, 8 * kMebibyte);   // NOLINT(concurrency-mt-unsafe): no thread yet
  mallopt(M_TRIM_THRESHOLD, 16 * kMebibyte);  // NOLINT(concurrency-mt-unsafe): no thread yet
}

}  // namespace

int main(int argc, char** argv) {
  using namespace leadline;
  keep_freed_memory();
  const ConfigOutcome outcome = load_config(adapter_schema(), process_inputs(argc, argv));
  if (!outcome.config) return report(outcome);
  const AdapterConfig config = adapter_config(*outcome.config);
  set_log_level(config.log_level);
  for (const auto& warning : outcome.warnings) log_warn(warning);
  return run_adapter(config);
}
