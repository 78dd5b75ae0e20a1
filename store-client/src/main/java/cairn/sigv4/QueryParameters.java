package cairn.sigv4;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** A query's parameters, encoded and in order as they are signed: by encoded name, then by encoded value. */
final class QueryParameters {
    static final int PARAMETERS_MAX = 1024;

    /** Name and value, both encoded. */
    private record Parameter(String name, String value) {
        private static final Comparator<Parameter> ORDER =
                Comparator.comparing(Parameter::name).thenComparing(Parameter::value);
    }

    private final List<Parameter> parameters;

    private QueryParameters(List<Parameter> parameters) {
        this.parameters = parameters;
    }

    /** @throws SigV4Exception MALFORMED_REQUEST for a broken escape, LIMIT_EXCEEDED for more than PARAMETERS_MAX */
    static QueryParameters parse(String query) {
        List<Parameter> parameters = new ArrayList<>();
        int start = 0;
        while (start < query.length()) {
            int ampersandAt = query.indexOf('&', start);
            int end = ampersandAt < 0 ? query.length() : ampersandAt;
            if (end > start) {
                parameters.add(parameter(query.substring(start, end)));
            }
            if (parameters.size() > PARAMETERS_MAX) {
                throw new SigV4Exception(
                        SigV4Fault.LIMIT_EXCEEDED, "more than " + PARAMETERS_MAX + " query parameters");
            }
            start = end + 1;
        }
        parameters.sort(Parameter.ORDER);
        return new QueryParameters(parameters);
    }

    private static Parameter parameter(String text) {
        int equalsAt = text.indexOf('=');
        String name = equalsAt < 0 ? text : text.substring(0, equalsAt);
        String value = equalsAt < 0 ? "" : text.substring(equalsAt + 1);
        return new Parameter(Wire.reencode(name), Wire.reencode(value));
    }

    /** @param name of unreserved characters */
    boolean has(String name) {
        return parameters.stream().anyMatch(parameter -> parameter.name.equals(name));
    }

    /**
     * A parameter's value, decoded.
     *
     * @param name of unreserved characters
     * @throws SigV4Exception AMBIGUOUS_AUTHENTICATION if there are several
     */
    Optional<String> find(String name) {
        String found = null;
        for (Parameter parameter : parameters) {
            if (parameter.name.equals(name)) {
                if (found != null) {
                    throw new SigV4Exception(
                            SigV4Fault.AMBIGUOUS_AUTHENTICATION, "query parameter " + name + " comes twice");
                }
                found = parameter.value;
            }
        }
        return Optional.ofNullable(found).map(Wire::decode);
    }

    QueryParameters without(String name) {
        return new QueryParameters(
                parameters.stream().filter(parameter -> !parameter.name.equals(name)).toList());
    }

    /** As it is signed: every parameter with its equals sign. */
    String canonical() {
        return parameters.isEmpty()
                ? ""
                : parameters.stream()
                        .map(parameter -> parameter.name + '=' + parameter.value)
                        .collect(Collectors.joining("&"));
    }
}
