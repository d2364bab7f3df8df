"""geostat"""
