import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.math.BigInteger;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.x9.X9ECParameters;
import org.bouncycastle.crypto.BlockCipher;
import org.bouncycastle.crypto.digests.SM3Digest;
import org.bouncycastle.crypto.ec.CustomNamedCurves;
import org.bouncycastle.crypto.engines.SM2Engine;
import org.bouncycastle.crypto.engines.SM4Engine;
import org.bouncycastle.crypto.generators.ECKeyPairGenerator;
import org.bouncycastle.crypto.macs.HMac;
import org.bouncycastle.crypto.modes.CBCBlockCipher;
import org.bouncycastle.crypto.modes.GCMBlockCipher;
import org.bouncycastle.crypto.modes.GCMModeCipher;
import org.bouncycastle.crypto.modes.SICBlockCipher;
import org.bouncycastle.crypto.paddings.PKCS7Padding;
import org.bouncycastle.crypto.paddings.PaddedBufferedBlockCipher;
import org.bouncycastle.crypto.params.AEADParameters;
import org.bouncycastle.crypto.params.ECDomainParameters;
import org.bouncycastle.crypto.params.ECKeyGenerationParameters;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.params.KeyParameter;
import org.bouncycastle.crypto.params.ParametersWithID;
import org.bouncycastle.crypto.params.ParametersWithIV;
import org.bouncycastle.crypto.params.ParametersWithRandom;
import org.bouncycastle.crypto.signers.SM2Signer;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.util.BigIntegers;

/** BouncyCastle in the line protocol of the peers (see ../README.md). */
public final class Peer {
    // The library's own arithmetic for this curve: four times as fast as its general one.
    private static final X9ECParameters CURVE = CustomNamedCurves.getByName("sm2p256v1");
    private static final ECDomainParameters DOMAIN =
            new ECDomainParameters(CURVE.getCurve(), CURVE.getG(), CURVE.getN(), CURVE.getH());
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final HexFormat HEX = HexFormat.of();
    private static final Set<String> WARM = new TreeSet<>();
    private static final long WARM_NANOSECONDS = 3_000_000_000L;

    private interface Verb {
        byte[] run(byte[][] given) throws Exception;
    }

    private static final class Refused extends Exception {}

    private static ECPrivateKeyParameters privateKey(byte[] scalar) {
        return new ECPrivateKeyParameters(new BigInteger(1, scalar), DOMAIN);
    }

    private static ECPublicKeyParameters publicKey(byte[] point) {
        return new ECPublicKeyParameters(CURVE.getCurve().decodePoint(point), DOMAIN);
    }

    private static SM2Signer signer(boolean signing, Object key, byte[] name) {
        SM2Signer signer = new SM2Signer();
        signer.init(
                signing,
                new ParametersWithID((org.bouncycastle.crypto.CipherParameters) key, name));
        return signer;
    }

    private static byte[] sign(byte[][] g) throws Exception {
        SM2Signer signer = signer(true, privateKey(g[0]), g[1]);
        signer.update(g[2], 0, g[2].length);
        return signer.generateSignature();
    }

    private static byte[] verify(byte[][] g) throws Exception {
        SM2Signer signer = signer(false, publicKey(g[0]), g[1]);
        signer.update(g[2], 0, g[2].length);
        if (!signer.verifySignature(g[3])) {
            throw new Refused();
        }
        return new byte[0];
    }

    private static byte[] encrypt(byte[][] g) throws Exception {
        SM2Engine engine = new SM2Engine(SM2Engine.Mode.C1C3C2);
        engine.init(true, new ParametersWithRandom(publicKey(g[0]), RANDOM));
        byte[] raw = engine.processBlock(g[1], 0, g[1].length);
        ASN1EncodableVector parts = new ASN1EncodableVector();
        parts.add(new ASN1Integer(new BigInteger(1, Arrays.copyOfRange(raw, 1, 33))));
        parts.add(new ASN1Integer(new BigInteger(1, Arrays.copyOfRange(raw, 33, 65))));
        parts.add(new DEROctetString(Arrays.copyOfRange(raw, 65, 97)));
        parts.add(new DEROctetString(Arrays.copyOfRange(raw, 97, raw.length)));
        return new DERSequence(parts).getEncoded(ASN1Encoding.DER);
    }

    private static byte[] decrypt(byte[][] g) throws Exception {
        ASN1Sequence parts = ASN1Sequence.getInstance(g[1]);
        byte[] c3 = ASN1OctetString.getInstance(parts.getObjectAt(2)).getOctets();
        byte[] c2 = ASN1OctetString.getInstance(parts.getObjectAt(3)).getOctets();
        byte[] raw = new byte[65 + c3.length + c2.length];
        raw[0] = 4;
        for (int i = 0; i < 2; i++) {
            BigInteger value = ASN1Integer.getInstance(parts.getObjectAt(i)).getPositiveValue();
            System.arraycopy(BigIntegers.asUnsignedByteArray(32, value), 0, raw, 1 + 32 * i, 32);
        }
        System.arraycopy(c3, 0, raw, 65, c3.length);
        System.arraycopy(c2, 0, raw, 65 + c3.length, c2.length);
        SM2Engine engine = new SM2Engine(SM2Engine.Mode.C1C3C2);
        engine.init(false, privateKey(g[0]));
        return engine.processBlock(raw, 0, raw.length);
    }

    private static byte[] sm3(byte[][] g) {
        SM3Digest digest = new SM3Digest();
        digest.update(g[0], 0, g[0].length);
        byte[] out = new byte[32];
        digest.doFinal(out, 0);
        return out;
    }

    private static byte[] hmac(byte[][] g) {
        HMac mac = new HMac(new SM3Digest());
        mac.init(new KeyParameter(g[0]));
        mac.update(g[1], 0, g[1].length);
        byte[] out = new byte[32];
        mac.doFinal(out, 0);
        return out;
    }

    private static byte[] cbc(boolean encrypting, byte[][] g) throws Exception {
        PaddedBufferedBlockCipher cipher =
                new PaddedBufferedBlockCipher(
                        CBCBlockCipher.newInstance(new SM4Engine()), new PKCS7Padding());
        cipher.init(encrypting, new ParametersWithIV(new KeyParameter(g[0]), g[1]));
        byte[] out = new byte[cipher.getOutputSize(g[2].length)];
        int size = cipher.processBytes(g[2], 0, g[2].length, out, 0);
        size += cipher.doFinal(out, size);
        return Arrays.copyOf(out, size);
    }

    private static byte[] ctr(byte[][] g) {
        BlockCipher engine = new SM4Engine();
        SICBlockCipher cipher = (SICBlockCipher) SICBlockCipher.newInstance(engine);
        cipher.init(true, new ParametersWithIV(new KeyParameter(g[0]), g[1]));
        byte[] out = new byte[g[2].length];
        cipher.processBytes(g[2], 0, g[2].length, out, 0);
        return out;
    }

    private static byte[] gcm(boolean encrypting, byte[][] g) throws Exception {
        GCMModeCipher cipher = GCMBlockCipher.newInstance(new SM4Engine());
        cipher.init(encrypting, new AEADParameters(new KeyParameter(g[0]), 128, g[1], g[3]));
        byte[] out = new byte[cipher.getOutputSize(g[2].length)];
        int size = cipher.processBytes(g[2], 0, g[2].length, out, 0);
        cipher.doFinal(out, size);
        return out;
    }

    private static Map<String, Verb> verbs() {
        Map<String, Verb> verbs = new TreeMap<>();
        verbs.put("sign", Peer::sign);
        verbs.put("verify", Peer::verify);
        verbs.put("encrypt", Peer::encrypt);
        verbs.put("decrypt", Peer::decrypt);
        verbs.put("sm3", Peer::sm3);
        verbs.put("hmac", Peer::hmac);
        verbs.put("sm4_cbc_encrypt", given -> cbc(true, given));
        verbs.put("sm4_cbc_decrypt", given -> cbc(false, given));
        verbs.put("sm4_ctr", Peer::ctr);
        verbs.put("sm4_gcm_seal", given -> gcm(true, given));
        verbs.put("sm4_gcm_open", given -> gcm(false, given));
        return verbs;
    }

    private static Map<String, Runnable> operations() {
        byte[] id = "1234567812345678".getBytes();
        byte[] message = new byte[32];
        byte[] mib = new byte[1 << 20];
        byte[] key = new byte[16];
        byte[] nonce = new byte[12];
        ECKeyPairGenerator generator = new ECKeyPairGenerator();
        generator.init(new ECKeyGenerationParameters(DOMAIN, RANDOM));
        byte[] scalar = BigIntegers.asUnsignedByteArray(32, BigInteger.valueOf(123456789).pow(8));
        byte[] point = CURVE.getG().multiply(new BigInteger(1, scalar)).getEncoded(false);
        SM2Signer signer = signer(true, privateKey(scalar), id);
        SM2Signer verifier = signer(false, publicKey(point), id);
        Map<String, Runnable> all = new TreeMap<>();
        try {
            byte[] signature = sign(new byte[][] {scalar, id, message});
            byte[] sealed = encrypt(new byte[][] {point, message});
            all.put("sm2_keygen", () -> generator.generateKeyPair());
            all.put("sm2_sign", checked(() -> {
                signer.update(message, 0, message.length);
                signer.generateSignature();
            }));
            all.put("sm2_verify", checked(() -> {
                verifier.update(message, 0, message.length);
                if (!verifier.verifySignature(signature)) {
                    throw new Refused();
                }
            }));
            all.put("sm2_encrypt", checked(() -> encrypt(new byte[][] {point, message})));
            all.put("sm2_decrypt", checked(() -> decrypt(new byte[][] {scalar, sealed})));
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
        all.put("sm3_1048576", () -> sm3(new byte[][] {mib}));
        all.put("sm4_gcm_1048576",
                checked(() -> gcm(true, new byte[][] {key, nonce, mib, new byte[0]})));
        all.put("sm4_ctr_1048576", () -> ctr(new byte[][] {key, key, mib}));
        all.put("sm4_cbc_1048576", checked(() -> cbc(true, new byte[][] {key, key, mib})));
        return all;
    }

    private interface Step {
        void run() throws Exception;
    }

    private static Runnable checked(Step step) {
        return () -> {
            try {
                step.run();
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        };
    }

    private static String timed(String what, Runnable call, int count) {
        if (call == null) {
            return "missing no such operation";
        }
        if (WARM.add(what)) {
            // The compiler's last stage comes after some thousand calls.
            for (long end = System.nanoTime() + WARM_NANOSECONDS; System.nanoTime() < end; ) {
                call.run();
            }
        }
        // Of this thread alone: the compiler's threads are not the cipher's.
        var threads = ManagementFactory.getThreadMXBean();
        long begun = threads.getCurrentThreadCpuTime();
        for (int i = 0; i < count; i++) {
            call.run();
        }
        return "ok " + (threads.getCurrentThreadCpuTime() - begun) / 1e9;
    }

    private static String answer(String line, Map<String, Verb> verbs, Map<String, Runnable> times) {
        String[] words = line.trim().split(" +");
        if (words[0].equals("hello")) {
            return "ok " + new BouncyCastleProvider().getInfo();
        }
        if (words[0].equals("time")) {
            return timed(words[1], times.get(words[1]), Integer.parseInt(words[2]));
        }
        Verb verb = verbs.get(words[0]);
        if (verb == null) {
            return "missing no such verb";
        }
        byte[][] given = new byte[words.length - 1][];
        for (int i = 1; i < words.length; i++) {
            given[i - 1] = words[i].equals("-") ? new byte[0] : HEX.parseHex(words[i]);
        }
        try {
            byte[] found = verb.run(given);
            return "ok " + (found.length == 0 ? "-" : HEX.formatHex(found));
        } catch (Exception error) {
            return "refused " + error.getClass().getSimpleName();
        }
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        Map<String, Verb> verbs = verbs();
        Map<String, Runnable> times = operations();
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            System.out.println(answer(line, verbs, times));
        }
    }
}
