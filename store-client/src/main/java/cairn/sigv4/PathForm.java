package cairn.sigv4;

import java.util.ArrayList;
import java.util.List;

/** How a path enters the canonical request. */
enum PathForm {
    /** S3's: names of objects may hold {@code //} and {@code ..}, so the path counts as it was sent. */
    AS_SENT {
        @Override
        String canonical(String path) {
            return path.isEmpty() ? "/" : path;
        }
    },
    /** Everyone else's: without empty and dot segments, and what was encoded for the wire encoded once more. */
    NORMALISED_AND_ENCODED {
        @Override
        String canonical(String path) {
            return Wire.encodePath(normalised(path));
        }
    };

    abstract String canonical(String path);

    static PathForm of(String service) {
        return service.equals("s3") ? AS_SENT : NORMALISED_AND_ENCODED;
    }

    /** Dots above the root vanish; a slash at the end stays, and none is added where a dot segment was last. */
    private static String normalised(String path) {
        if (path.isEmpty()) {
            return "/";
        }
        if (!path.contains("//") && !path.contains("/.")) {
            return path;
        }
        List<String> kept = new ArrayList<>();
        for (String segment : path.split("/")) {
            if (segment.equals("..")) {
                if (!kept.isEmpty()) {
                    kept.remove(kept.size() - 1);
                }
            } else if (!segment.isEmpty() && !segment.equals(".")) {
                kept.add(segment);
            }
        }
        return '/' + String.join("/", kept) + (path.endsWith("/") && !kept.isEmpty() ? "/" : "");
    }
}
