package cairn.sigv4;

import cairn.Text;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.function.Function;

/**
 * What a request says of its own signature, in its form right but not yet believed.
 *
 * @param signedNames lower-case, ascending
 * @param signature 64 lower-case hexadecimal digits
 * @param validFor how long a presigned request is valid; empty if the headers say all this
 */
record Authentication(
        CredentialScope scope, AmzDate date, List<String> signedNames, String signature, Optional<Duration> validFor) {
    static final int SIGNED_HEADERS_MAX = 128;
    static final String SIGNATURE_PARAMETER = "X-Amz-Signature";
    /** Any of these in a query claims that it is presigned. */
    static final List<String> PARAMETERS = List.of(
            "X-Amz-Algorithm",
            "X-Amz-Credential",
            "X-Amz-Date",
            "X-Amz-Expires",
            "X-Amz-SignedHeaders",
            SIGNATURE_PARAMETER);

    private static final String AUTHORIZATION = "authorization";
    private static final Set<String> AUTHORIZATION_PARTS = Set.of("Credential", "SignedHeaders", "Signature");
    private static final String TOKEN_HEADER = "x-amz-security-token";
    private static final String TOKEN_PARAMETER = "X-Amz-Security-Token";

    /** @throws SigV4Exception if there is none, or more than one, or it has not the form */
    static Authentication read(SortedMap<String, List<String>> headers, QueryParameters query) {
        boolean isInHeaders = headers.containsKey(AUTHORIZATION);
        boolean isInQuery = PARAMETERS.stream().anyMatch(query::has);
        if (isInHeaders && isInQuery) {
            throw new SigV4Exception(
                    SigV4Fault.AMBIGUOUS_AUTHENTICATION,
                    "both an Authorization header and X-Amz query parameters sign the request");
        }
        if (!isInHeaders && !isInQuery) {
            throw new SigV4Exception(
                    SigV4Fault.MISSING_AUTHENTICATION, "the request is not signed: it has no Authorization header");
        }
        if (headers.containsKey(TOKEN_HEADER) || query.has(TOKEN_PARAMETER)) {
            throw new SigV4Exception(
                    SigV4Fault.SESSION_TOKEN, "session tokens are not known here; sign with an access key alone");
        }
        return isInHeaders ? readHeaders(headers) : readQuery(query);
    }

    private static Authentication readHeaders(SortedMap<String, List<String>> headers) {
        String authorization = single(headers, AUTHORIZATION).orElseThrow().strip();
        int schemeEnd = authorization.indexOf(' ');
        requireAlgorithm(schemeEnd < 0 ? authorization : authorization.substring(0, schemeEnd));
        Map<String, String> parts = parts(schemeEnd < 0 ? "" : authorization.substring(schemeEnd));

        return of(
                name -> Optional.ofNullable(parts.get(name)),
                "",
                "the Authorization header",
                single(headers, "x-amz-date"),
                Optional.empty());
    }

    private static Authentication readQuery(QueryParameters query) {
        requireAlgorithm(query.find("X-Amz-Algorithm").orElseThrow(() -> missing("X-Amz-Algorithm", "the query")));
        Duration validFor = validFor(query.find("X-Amz-Expires"));

        return of(query::find, "X-Amz-", "the query", query.find("X-Amz-Date"), Optional.of(validFor));
    }

    private static Authentication of(
            Function<String, Optional<String>> parts,
            String prefix,
            String where,
            Optional<String> date,
            Optional<Duration> validFor) {
        Function<String, String> part =
                name -> parts.apply(prefix + name).orElseThrow(() -> missing(prefix + name, where));
        String credential = part.apply("Credential");
        String signedHeaders = part.apply("SignedHeaders");
        String signature = requireSignatureForm(part.apply("Signature"));
        CredentialScope scope = CredentialScope.parse(credential);
        return new Authentication(scope, dateOf(date, scope), signedNames(signedHeaders), signature, validFor);
    }

    private static void requireAlgorithm(String algorithm) {
        if (!algorithm.equals(SigningKeys.ALGORITHM)) {
            throw new SigV4Exception(
                    SigV4Fault.UNKNOWN_ALGORITHM,
                    "requests are signed with " + SigningKeys.ALGORITHM + ", not \"" + Text.shown(algorithm) + '"');
        }
    }

    /** Reads {@code Credential=..., SignedHeaders=..., Signature=...}, in any order, spaces being optional. */
    private static Map<String, String> parts(String text) {
        Map<String, String> parts = new HashMap<>();
        for (String part : text.split(",", AUTHORIZATION_PARTS.size() + 1)) {
            String[] sides = part.strip().split("=", 2);
            if (sides.length != 2 || !AUTHORIZATION_PARTS.contains(sides[0])) {
                throw new SigV4Exception(
                        SigV4Fault.MALFORMED_AUTHENTICATION,
                        "the Authorization header is \"" + SigningKeys.ALGORITHM
                                + " Credential=..., SignedHeaders=..., Signature=...\"; it has \""
                                + Text.shown(part.strip()) + '"');
            }
            if (parts.put(sides[0], sides[1]) != null) {
                throw new SigV4Exception(
                        SigV4Fault.AMBIGUOUS_AUTHENTICATION, "the Authorization header has " + sides[0] + " twice");
            }
        }
        return parts;
    }

    private static AmzDate dateOf(Optional<String> text, CredentialScope scope) {
        AmzDate date = AmzDate.parse(text.map(String::strip)
                .orElseThrow(() -> new SigV4Exception(SigV4Fault.DATE_MISSING, "X-Amz-Date is missing")));
        if (!date.day().equals(scope.date())) {
            throw new SigV4Exception(
                    SigV4Fault.DATE_NOT_OF_SCOPE,
                    "X-Amz-Date " + date.text() + " is not of the credential's day, " + scope.date());
        }
        return date;
    }

    private static List<String> signedNames(String text) {
        String[] names = text.split(";", SIGNED_HEADERS_MAX + 1);
        if (names.length > SIGNED_HEADERS_MAX) {
            throw new SigV4Exception(
                    SigV4Fault.LIMIT_EXCEEDED, "more than " + SIGNED_HEADERS_MAX + " signed headers");
        }
        for (int i = 0; i < names.length; i++) {
            boolean isInOrder = i == 0 || names[i - 1].compareTo(names[i]) < 0;
            if (names[i].isEmpty() || !isInOrder || names[i].chars().anyMatch(c -> c >= 'A' && c <= 'Z')) {
                throw new SigV4Exception(
                        SigV4Fault.MALFORMED_AUTHENTICATION,
                        "SignedHeaders are lower-case names, ascending, between semicolons, not \"" + Text.shown(text)
                                + '"');
            }
        }
        return Arrays.asList(names);
    }

    private static String requireSignatureForm(String text) {
        if (!PayloadHash.isHash(text)) {
            throw new SigV4Exception(
                    SigV4Fault.MALFORMED_AUTHENTICATION, "a signature is 64 lower-case hexadecimal digits");
        }
        return text;
    }

    private static Duration validFor(Optional<String> text) {
        String digits = text.orElse("");
        boolean isNumber = digits.matches("[0-9]{1,6}");
        Duration validFor = Duration.ofSeconds(isNumber ? Integer.parseInt(digits) : 0);
        if (validFor.isZero() || validFor.compareTo(SigV4Signer.VALID_FOR_MAX) > 0) {
            throw new SigV4Exception(
                    SigV4Fault.EXPIRES_MALFORMED,
                    "X-Amz-Expires is 1 to " + SigV4Signer.VALID_FOR_MAX.toSeconds() + " seconds, not \""
                            + Text.shown(digits) + '"');
        }
        return validFor;
    }

    private static SigV4Exception missing(String name, String where) {
        return new SigV4Exception(SigV4Fault.MALFORMED_AUTHENTICATION, where + " has no " + name);
    }

    /** @throws SigV4Exception AMBIGUOUS_AUTHENTICATION if there are several */
    static Optional<String> single(SortedMap<String, List<String>> headers, String name) {
        List<String> values = headers.getOrDefault(name, List.of());
        if (values.size() > 1) {
            throw new SigV4Exception(
                    SigV4Fault.AMBIGUOUS_AUTHENTICATION, "header " + name + " comes " + values.size() + " times");
        }
        return values.stream().findFirst();
    }
}
