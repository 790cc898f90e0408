#include "sidecar/prometheus_page.h"

#include <prometheus/text_serializer.h>

namespace leadline {

std::string prometheus_page(const Families& families) {
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace leadline
