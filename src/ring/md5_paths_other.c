#include "ring/md5_path.h"

const struct md5_path *const md5_paths[] = {
    &md5_path_x4,
    NULL,
};
