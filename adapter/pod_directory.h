// PodDirectory tells the collector which pods there are. One implementation reads a file
// (adapter/pods_file.h); another will watch the kube API.

#pragma once

#include <functional>
#include <memory>

#include "adapter/pod_list.h"

namespace leadline {

class PodDirectory {
 public:
  using Publish = std::function<void(std::shared_ptr<const PodList>)>;

  virtual ~PodDirectory() = default;

  // Calls `publish` with each new list, the first one soon, from the thread of the loop that the
  // implementation was made on. Call it once; destroying the directory ends it.
  virtual void start(Publish publish) = 0;
};

}  // namespace leadline
