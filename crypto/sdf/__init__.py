"""Cryptographic devices behind the interface of GM/T 0018-2012 (GB/T 36322-2018), "SDF".

A vendor's shared library is loaded by its path; keys stay in the device and are named by index.
Modules: ``port`` what a session offers · ``library`` sessions by ctypes · ``structures`` the C
forms · ``codes`` the standard's error codes.

No real device was tried: the adapter runs in tests against a stand-in over OpenSSL, and its
structures are compared with GmSSL's header and run against GmSSL's dummy device.
"""
