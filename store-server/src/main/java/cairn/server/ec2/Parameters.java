package cairn.server.ec2;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an operation or a structure takes.
 *
 * @param passed that are ignored or refused, by name
 * @param exclusive names of which at most one may come
 */
record Parameters(List<Parameter> taken, Map<String, NotTaken> passed, List<List<String>> exclusive) {
    /**
     * A parameter that EC2 has and Cairn has no use for.
     *
     * @param isRefused else it is ignored, whatever it holds
     * @param harmless values of a refused one that ask for nothing, and are taken
     * @param reason for people
     */
    record NotTaken(String name, boolean isRefused, List<String> harmless, String reason) {}

    Parameters {
        taken = List.copyOf(taken);
        passed = Collections.unmodifiableMap(new LinkedHashMap<>(passed));
        exclusive = List.copyOf(exclusive);
    }

    Optional<Parameter> find(String name) {
        return taken.stream().filter(each -> each.name().equals(name)).findFirst();
    }
}
