import hashlib

from aqm_runner.runner.digests import digest_file, digest_folder


def test_a_file_is_the_sha256_of_its_bytes(tmp_path):
    file = tmp_path / "f"
    file.write_bytes(b"abc")
    assert digest_file(file) == (
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        3,
    )


def test_a_folder_is_the_sha256_of_its_sorted_canonical_list(tmp_path):
    (tmp_path / "b").mkdir()
    # UTF-16 order: the emoji's surrogates come before U+FF01, though its code point is higher.
    for name in ("b/c", "a.json", "\uff01", "\U0001f600", 'q"'):
        (tmp_path / name).write_bytes(b"abc")
    one = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    names = ["a.json", "b/c", 'q\\"', "\U0001f600", "\uff01"]
    canonical = "[" + ",".join(f'["{name}","{one}"]' for name in names) + "]"
    expected = hashlib.sha256(canonical.encode()).hexdigest()
    assert digest_folder(tmp_path) == (f"sha256:{expected}", 15)


def test_an_empty_folder_has_a_digest(tmp_path):
    assert digest_folder(tmp_path) == (f"sha256:{hashlib.sha256(b'[]').hexdigest()}", 0)
